"""unlearned: every model forgets into a staging state, while the keys still exist."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Connection, select

from expunge.datasets import Table, refreshed
from expunge.domain.cost import Measured
from expunge.domain.guarantee import Exact
from expunge.domain.plan import Method
from expunge.domain.schema import Kind
from expunge.domain.subject import SubjectId, subject_kind
from expunge.erasure import batch as batches
from expunge.erasure import requests
from expunge.erasure.batch import Batch
from expunge.erasure.scope import Scope, scope_of, scopes_of
from expunge.errors import BudgetSpentError, CannotForgetError, CheckFailedError, CorruptedError
from expunge.vault import blobs, records, subjects
from expunge.vault.database import DATASET
from expunge.vault.store import now
from expunge.workspace import data, models, register, restrictions
from expunge.workspace.folder import Workspace

if TYPE_CHECKING:
    from expunge.learners.base import Learner


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Stage a new version of every model and schema that the batch touches; note what must not be found afterwards.

    Run again after a failed check, it stages afresh: what was staged before is what failed.
    """
    discard_staged(connection, batch)
    batch.sealed |= {"digests": {}, "schemas": {}, "leavers": {}}
    scope = scope_of(workspace, connection, *requests.in_batch(connection, batch.id))
    shrinking = {copy["object"] for copy in batch.touched("dataset")}
    bases = {copy["object"]: register.by_id(connection, copy["object"]).dataset_id for copy in batch.touched("model")}
    tables = {dataset: data.load(workspace, connection, dataset) for dataset in sorted(shrinking.union(bases.values()))}
    remaining = {dataset: without(table, scope.ids_in(dataset, batch.refs)) for dataset, table in tables.items()}
    for dataset in sorted(shrinking):
        stage_schema(workspace, connection, batch, dataset, remaining[dataset])
        present = set(tables[dataset].subjects.tolist())
        refs = scope.ids_in(dataset, batch.refs)
        note_leavers(workspace, connection, batch, dataset, {one: ref for one, ref in refs.items() if one in present})
    note_needles(workspace, connection, batch, tables, remaining)
    for model, dataset in bases.items():
        usable = without(remaining[dataset], not_used(workspace, connection, scope, dataset))
        unlearn(workspace, connection, batch, model, scope.ids_in(dataset, batch.forgotten), usable)
    refuse_strangers(workspace, connection, batch, scope)
    batches.save(workspace, connection, batch)


def discard_staged(connection: Connection, batch: Batch) -> None:
    """Forget what an earlier run staged."""
    for copy in batch.touched("model"):
        if (staged := register.version_with(connection, copy["object"], register.STAGED)) is not None:
            register.discard(connection, staged)
    blobs.drop(connection, *batch.sealed.get("schemas", {}).values())


def not_used(workspace: Workspace, connection: Connection, scope: Scope, dataset: str) -> set[SubjectId]:
    """Return who stays in a dataset without being learned from: restricted before, or by this batch."""
    before = data.load(workspace, connection, dataset, restrictions.of_dataset(connection, dataset))
    return before.subject_ids() | scope.ids_in(dataset, scope.forgotten).keys()


def note_leavers(
    workspace: Workspace, connection: Connection, batch: Batch, object_id: str, refs: dict[SubjectId, bytes]
) -> None:
    """Commit, from ids and keys and past the register, to those who are found in an object and must leave it.

    The signature is refused unless the register says that exactly these left.
    """
    keys = subjects.keys_of(workspace.vault, connection, refs.values())
    found = subjects.commitments(keys, object_id, refs)
    batch.sealed["leavers"][object_id] = sorted(commitment.hex() for commitment in found.values())


def without(table: Table, people: Collection[SubjectId]) -> Table:
    """Return the rows of everybody who stays, with what nobody declared inferred from them afresh."""
    rest = table.without(set(table.subjects.tolist()).intersection(people))
    return refreshed(rest) if rest.schema.inferred else rest


def refuse_strangers(workspace: Workspace, connection: Connection, batch: Batch, scope: Scope) -> None:
    """Look past the register into every copy that it says holds nobody of the batch, but for those retained there.

    Raises
    ------
    CheckFailedError
        Where somebody is there all the same.
    """
    everybody = {subject for _, subject in scope.people.values()}
    untouched = [copy for copy in batch.plan if not copy["subjects"]]
    for copy in untouched:
        if copy["kind"] == "dataset":
            there = bool(records.holders(connection, copy["object"]).intersection(batch.refs))
        else:
            dataset = register.by_id(connection, copy["object"]).dataset_id
            may_stay = scope.ids_in(dataset, scope.people.keys() - scope.forgotten)
            learner = register.open_learner(workspace, connection, register.current(connection, copy["object"]))
            there = bool((everybody - may_stay.keys()).intersection(learner.subjects_held()))
        if there:
            raise CheckFailedError(
                f"{copy['kind']} {copy['name']!r} holds somebody whom the register does not know of.",
                mend="Somebody changed the database: restore it with its keys from the same moment.",
            )


def stage_schema(workspace: Workspace, connection: Connection, batch: Batch, dataset: str, remaining: Table) -> None:
    """Seal a schema with what is inferred from the remaining rows; the old one may show a value of who leaves."""
    blob = connection.execute(select(DATASET.c.schema_blob).where(DATASET.c.id == dataset)).scalar_one()
    _, layout = data.get_schema(workspace, connection, blob)
    batch.sealed["schemas"][dataset] = data.put_schema(workspace, connection, remaining.schema, layout)


def note_needles(
    workspace: Workspace,
    connection: Connection,
    batch: Batch,
    tables: dict[str, Table],
    remaining: dict[str, Table],
) -> None:
    """Seal with each request the texts that stand in the person's rows and in nobody's who stays."""
    others = (
        data.load(workspace, connection, dataset.id)
        for dataset in data.every(workspace, connection)
        if dataset.id not in tables
    )
    kept = {text for table in (*remaining.values(), *others) for text in _texts(table)}
    scopes = scopes_of(workspace, connection, requests.in_batch(connection, batch.id))
    asked = {subject for own in scopes.values() for _, subject in own.people.values()}
    said = {dataset: _texts_of(table, asked) for dataset, table in tables.items()}
    known = requests.identities(workspace, connection, list(scopes))
    for request, own in scopes.items():
        texts = {text for place, one in own.people.values() for text in said.get(place, {}).get(one, ())}
        requests.seal_again(workspace, connection, request, {**known[request], "texts": sorted(texts - kept)})


def _texts(table: Table) -> set[str]:
    return {text for cells in table.arrays().values() if cells.dtype == object for text in set(cells) if text}


def _texts_of(table: Table, people: set[SubjectId]) -> dict[SubjectId, set[str]]:
    """Return what stands in whose rows, for those of these people who are here."""
    import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

    present = [one for one in people if subject_kind(one) == table.schema.subject_kind]
    rows = pd.Series(table.subjects).isin(present).to_numpy(dtype=np.bool_)
    owners = table.subjects[rows].tolist()
    found: dict[SubjectId, set[str]] = {owner: set() for owner in owners}
    for cells in table.arrays().values():
        if cells.dtype == object:
            for owner, text in zip(owners, cells[rows], strict=True):
                if isinstance(text, str):
                    found[owner].add(text)
    return found


def unlearn(
    workspace: Workspace,
    connection: Connection,
    batch: Batch,
    model: str,
    refs: dict[SubjectId, bytes],
    usable: Table,
) -> None:
    """Stage one model: forget, refit where that is cheaper or the schema moved, or retire where no model is left."""
    before = register.current(connection, model)
    facts = register.open_facts(workspace, connection, before)
    row = register.by_id(connection, model)
    remaining = models.training_rows(workspace, usable, model, row.held_out)
    learner = register.open_learner(workspace, connection, before)
    served = register.open_served(workspace, connection, before)
    if (learner.digest(), served.digest()) != (facts.learned, facts.served):
        raise CorruptedError(
            f"model {row.name!r} is not the one that was published as version {before.version}.",
            mend="Restore the workspace and its keys from the same moment.",
        )
    own = refs.keys() & set(learner.subjects_held())
    note_leavers(workspace, connection, batch, model, {one: refs[one] for one in own})
    planned = next(copy for copy in batch.touched("model") if copy["object"] == model)
    method, seed = Method(planned["method"]), facts.seed + int(planned["rotates"])
    if method is not Method.RETIRE and learner.schema != remaining.schema:
        method = Method.REFIT
    learner.prepare()
    begin = time.perf_counter()
    method, learner = _without(workspace, connection, method, learner, own, (model, remaining, seed))
    seconds = time.perf_counter() - begin
    note_staged(workspace, connection, batch, before, learner, (method, seconds, seed))


def note_staged(
    workspace: Workspace,
    connection: Connection,
    batch: Batch,
    before: register.Version,
    learner: Learner,
    done: tuple[Method, float, int],
) -> None:
    """Store what is left of a model as the staged version, and note what was done: method, seconds, and seed."""
    (method, seconds, seed), model = done, before.model_id
    planned = next(copy for copy in batch.touched("model") if copy["object"] == model)
    facts, row = register.open_facts(workspace, connection, before), register.by_id(connection, model)
    entry: dict[str, Any] = {
        "method": method.value,
        "seconds": f"{seconds:.6f}",
        "learned_before": facts.blinded_learned(),
        "served_before": facts.blinded_served(),
        "guarantee_words": facts.guarantee_words,
        "checks": [],
    }
    digests: dict[str, Any] = {}
    if method is not Method.RETIRE:
        staged = register.store(
            workspace,
            connection,
            learner,
            register.Place(model, before.version + 1, register.STAGED, batch.id, seed),
            facts.costs.after(_measured(method, planned, facts, seconds)),
        )
        made = register.open_facts(workspace, connection, staged)
        entry |= {
            "learned_after": made.blinded_learned(),
            "served_after": made.blinded_served(),
            "learned_equal": made.learned == facts.learned,
            "seed": {
                "number": seed,
                "since": now() if planned["rotates"] else register.seeded(row),
                "renewed": planned["rotates"],
            },
        }
        digests = {"equal": made.learned == facts.learned, "staged": made.learned, "verified_served": made.served}
    batch.evidence["copies"][model] = entry
    batch.sealed["digests"][model] = digests


def _measured(method: Method, planned: dict[str, Any], facts: register.Facts, seconds: float) -> Measured:
    """Note what it took, beside what was expected of the method that was taken in the end."""
    subjects, records, of = planned["subjects"], planned["records"], planned["of_records"]
    if method is Method.FORGET:
        return Measured("forget", subjects, records, of, seconds, facts.costs.forget(subjects, records, of)[0])
    return Measured("refit", subjects, records, of, seconds, facts.costs.refit(of - records))


def _without(
    workspace: Workspace,
    connection: Connection,
    method: Method,
    learner: Learner,
    own: set[SubjectId],
    raw: tuple[str, Table, int],
) -> tuple[Method, Learner]:
    """Forget; refit where that is planned, or forgetting does not do; retire where no model would be left."""
    model, remaining, seed = raw
    if method is Method.FORGET:
        before = None if isinstance(learner.guarantee, Exact) else learner.digest()
        try:
            learner.forget(own)
            learner.serve()  # what predicts is part of the work
        except (BudgetSpentError, CannotForgetError):
            method = Method.REFIT
        if before is not None and learner.digest() == before:  # an Exact learner may stay as it was: replays show it
            method = Method.REFIT
    if method is Method.REFIT:
        target = remaining.schema.target
        classes = target is not None and target.kind is Kind.CATEGORICAL
        if remaining.n_rows == 0 or (classes and len(set(remaining.target().tolist())) < 2):
            return Method.RETIRE, learner
        learner, _ = models.fit(workspace, connection, model, remaining, seed)
    return method, learner
