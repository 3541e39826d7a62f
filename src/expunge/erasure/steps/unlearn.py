"""unlearned: every model forgets into a staging state, while the keys still exist."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Connection, select

from expunge.datasets.table import Table
from expunge.domain.plan import Method
from expunge.domain.subject import SubjectId, parse_subject
from expunge.erasure import batch as batches
from expunge.erasure import intake, requests
from expunge.erasure.batch import Batch
from expunge.errors import CannotForgetError, SubjectIdError
from expunge.learners.base import Learner
from expunge.vault.database import DATASET
from expunge.workspace import data, models, register
from expunge.workspace.folder import Workspace


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Stage a new version of every model and schema that the batch touches; note what must not be found afterwards."""
    batch.sealed["digests"], batch.sealed["schemas"] = {}, {}
    people = leavers(workspace, connection, batch)
    tables = {copy["object"]: data.load(workspace, connection, copy["object"]) for copy in batch.touched("dataset")}
    for dataset in tables:
        stage_schema(workspace, connection, batch, dataset)
    for request in requests.in_batch(connection, batch.id):
        note_needles(workspace, connection, request.id, tables, people)
    for copy in batch.touched("model"):
        unlearn(workspace, connection, batch, copy, people)
    batches.save(workspace, connection, batch)


def leavers(workspace: Workspace, connection: Connection, batch: Batch) -> set[SubjectId]:
    """Return the ids of everybody who leaves."""
    people: set[SubjectId] = set()
    for request in requests.in_batch(connection, batch.id):
        people |= intake.refs_of(workspace, connection, request).keys()
    return people


def stage_schema(workspace: Workspace, connection: Connection, batch: Batch, dataset: str) -> None:
    """Seal a schema with what is inferred from the remaining rows; the old one may show a value of who leaves."""
    blob = connection.execute(select(DATASET.c.schema_blob).where(DATASET.c.id == dataset)).scalar_one()
    _, layout = data.get_schema(workspace, connection, blob)
    schema = data.load_remaining(workspace, connection, dataset, batch.refs).schema
    batch.sealed["schemas"][dataset] = data.put_schema(workspace, connection, schema, layout)


def note_needles(
    workspace: Workspace, connection: Connection, request: str, tables: dict[str, Table], people: set[SubjectId]
) -> None:
    """Seal with a request the texts that stand in the person's rows and in nobody's who stays."""
    known = requests.identity(workspace, connection, request)
    texts: set[str] = set()
    for table in tables.values():
        own = {one for one in _ids(known["subject"]) if one in set(table.subjects.tolist())}
        if own:
            mine, others = table.rows_of(own), ~table.rows_of(people & set(table.subjects.tolist()))
            for name, cells in table.arrays().items():
                if cells.dtype == object:
                    texts |= {cell for cell in set(cells[mine]) - set(cells[others]) if cell and name}
    requests.seal_again(workspace, connection, request, {**known, "texts": sorted(texts)})


def unlearn(
    workspace: Workspace, connection: Connection, batch: Batch, copy: dict[str, Any], people: set[SubjectId]
) -> None:
    """Stage one model: forget, refit where that is cheaper or the schema moved, or retire where no model is left."""
    model = copy["object"]
    before = register.current(connection, model)
    facts = register.open_facts(workspace, connection, before)
    row = register.by_id(connection, model)
    remaining = models.training_rows(
        workspace, data.load_remaining(workspace, connection, row.dataset_id, batch.refs), model, row.held_out
    )
    learner = register.open_learner(workspace, connection, before)
    own = people & set(learner.subjects_held())
    method = Method(copy["method"])
    if learner.schema != remaining.schema:
        method = Method.REFIT
    begin = time.perf_counter()
    try:
        if method is Method.REFIT:
            learner = _refit(workspace, connection, model, remaining)
        else:
            learner.forget(own)
    except CannotForgetError:
        method = Method.RETIRE
    seconds = time.perf_counter() - begin
    entry: dict[str, Any] = {
        "method": method.value,
        "seconds": f"{seconds:.6f}",
        "learned_before": facts.blinded_learned(),
        "served_before": facts.blinded_served(),
        "guarantee_words": facts.guarantee_words,
        "checks": [],
    }
    digests: dict[str, Any] = {"before": facts.learned}
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
        digests |= {"staged": made.learned, "verified_served": made.served}
    batch.evidence["copies"][model] = entry
    batch.sealed["digests"][model] = digests


def _refit(workspace: Workspace, connection: Connection, model: str, remaining: Table) -> Learner:
    if remaining.n_rows == 0 or len(set(remaining.target().tolist())) < 2:
        raise CannotForgetError("nobody, or one class only, would remain.", mend="The model is retired.")
    learner, _ = models.fit(workspace, connection, model, remaining)
    return learner


def _ids(typed: str) -> set[SubjectId]:
    try:
        return {typed, parse_subject(typed, "int")}
    except SubjectIdError:
        return {typed}
