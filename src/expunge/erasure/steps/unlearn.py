"""unlearned: every model forgets into a staging state, while the keys still exist."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, select

from expunge.datasets import Table, refreshed
from expunge.domain.plan import Method
from expunge.domain.schema import Kind
from expunge.domain.subject import SubjectId, subject_kind
from expunge.erasure import batch as batches
from expunge.erasure import intake, requests
from expunge.erasure.batch import Batch
from expunge.errors import CannotForgetError, CheckFailedError
from expunge.learners.base import Learner
from expunge.vault import blobs, records, subjects
from expunge.vault.database import DATASET
from expunge.workspace import data, models, register
from expunge.workspace.folder import Workspace


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Stage a new version of every model and schema that the batch touches; note what must not be found afterwards.

    Run again after a failed check, it stages afresh: what was staged before is what failed.
    """
    discard_staged(connection, batch)
    batch.sealed |= {"digests": {}, "schemas": {}, "leavers": {}}
    refs = leavers(workspace, connection, batch)
    people = set(refs)
    tables = {copy["object"]: data.load(workspace, connection, copy["object"]) for copy in batch.touched("dataset")}
    remaining = {dataset: without(table, people) for dataset, table in tables.items()}
    for dataset, table in remaining.items():
        stage_schema(workspace, connection, batch, dataset, table)
        present = set(tables[dataset].subjects.tolist())
        note_leavers(workspace, connection, batch, dataset, {one: ref for one, ref in refs.items() if one in present})
    note_needles(workspace, connection, batch, tables, remaining)
    for copy in batch.touched("model"):
        unlearn(workspace, connection, batch, copy, refs, remaining)
    refuse_strangers(workspace, connection, batch, refs)
    batches.save(workspace, connection, batch)


def discard_staged(connection: Connection, batch: Batch) -> None:
    """Forget what an earlier run staged."""
    for copy in batch.touched("model"):
        if (staged := register.version_with(connection, copy["object"], register.STAGED)) is not None:
            register.discard(connection, staged)
    blobs.drop(connection, *batch.sealed.get("schemas", {}).values())


def leavers(workspace: Workspace, connection: Connection, batch: Batch) -> dict[SubjectId, bytes]:
    """Return the ids and references of everybody who leaves."""
    return intake.refs_of(workspace, connection, *requests.in_batch(connection, batch.id))


def note_leavers(
    workspace: Workspace, connection: Connection, batch: Batch, object_id: str, refs: dict[SubjectId, bytes]
) -> None:
    """Commit, from ids and keys and past the register, to those who are found in an object and must leave it.

    The signature is refused unless the register says that exactly these left.
    """
    keys = subjects.keys_of(workspace.vault, connection, refs.values())
    found = subjects.commitments(keys, object_id, refs)
    batch.sealed["leavers"][object_id] = sorted(commitment.hex() for commitment in found.values())


def without(table: Table, people: set[SubjectId]) -> Table:
    """Return the rows of everybody who stays, with what nobody declared inferred from them afresh."""
    rest = table.without(people & set(table.subjects.tolist()))
    return refreshed(rest) if rest.schema.inferred else rest


def refuse_strangers(workspace: Workspace, connection: Connection, batch: Batch, refs: dict[SubjectId, bytes]) -> None:
    """Look past the register into every copy that it says holds nobody of the batch.

    Raises
    ------
    CheckFailedError
        Where somebody is there all the same.
    """
    untouched = [copy for copy in batch.plan if not copy["subjects"]]
    for copy in untouched:
        if copy["kind"] == "dataset":
            there = bool(records.holders(connection, copy["object"]) & set(refs.values()))
        else:
            learner = register.open_learner(workspace, connection, register.current(connection, copy["object"]))
            there = bool(refs.keys() & set(learner.subjects_held()))
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
    kept = {text for table in remaining.values() for text in _texts(table)}
    served = requests.in_batch(connection, batch.id)
    meant = intake.people_of(workspace, connection, served)
    said = [_texts_of(table, set().union(*meant.values())) for table in tables.values()]
    for request in served:
        known = requests.identity(workspace, connection, request.id)
        texts = {text for by in said for one in meant[request.id] for text in by.get(one, ())}
        requests.seal_again(workspace, connection, request.id, {**known, "texts": sorted(texts - kept)})


def _texts(table: Table) -> set[str]:
    return {text for cells in table.arrays().values() if cells.dtype == object for text in set(cells) if text}


def _texts_of(table: Table, people: set[SubjectId]) -> dict[SubjectId, set[str]]:
    """Return what stands in whose rows, for those of these people who are here."""
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
    copy: dict[str, Any],
    refs: dict[SubjectId, bytes],
    tables: dict[str, Table],
) -> None:
    """Stage one model: forget, refit where that is cheaper or the schema moved, or retire where no model is left."""
    model = copy["object"]
    before = register.current(connection, model)
    facts = register.open_facts(workspace, connection, before)
    row = register.by_id(connection, model)
    remaining = models.training_rows(workspace, tables[row.dataset_id], model, row.held_out)
    learner = register.open_learner(workspace, connection, before)
    own = refs.keys() & set(learner.subjects_held())
    note_leavers(workspace, connection, batch, model, {one: refs[one] for one in own})
    method = Method(copy["method"])
    if learner.schema != remaining.schema:
        method = Method.REFIT
    begin = time.perf_counter()
    method, learner = _without(workspace, connection, method, learner, own, (model, remaining))
    seconds = time.perf_counter() - begin
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
        version = before.version + 1
        staged = register.store(
            workspace,
            connection,
            learner,
            register.Place(model, version, register.STAGED, batch.id),
            fit_seconds=facts.fit_seconds,
        )
        made = register.open_facts(workspace, connection, staged)
        entry |= {
            "learned_after": made.blinded_learned(),
            "served_after": made.blinded_served(),
            "learned_equal": made.learned == facts.learned,
        }
        digests = {"equal": made.learned == facts.learned, "staged": made.learned, "verified_served": made.served}
    batch.evidence["copies"][model] = entry
    batch.sealed["digests"][model] = digests


def _without(
    workspace: Workspace,
    connection: Connection,
    method: Method,
    learner: Learner,
    own: set[SubjectId],
    raw: tuple[str, Table],
) -> tuple[Method, Learner]:
    """Forget; refit where that is planned, or a class would go; retire where no model would be left."""
    model, remaining = raw
    if method is Method.FORGET:
        try:
            learner.forget(own)
            learner.serve()  # what predicts is part of the work
        except CannotForgetError:
            method = Method.REFIT
    if method is Method.REFIT:
        target = remaining.schema.target
        classes = target is not None and target.kind is Kind.CATEGORICAL
        if remaining.n_rows == 0 or (classes and len(set(remaining.target().tolist())) < 2):
            return Method.RETIRE, learner
        learner, _ = models.fit(workspace, connection, model, remaining)
    return method, learner
