"""Plans: what will be done to each copy, and whether forgetting or a full refit is cheaper (promise 8)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from expunge.domain.plan import CopyPlan, Method, Plan
from expunge.workspace import data, members, register
from expunge.workspace.folder import Workspace


@dataclass(frozen=True)
class Copies:
    """Every copy that there is, and what each holds of some people: all that plans for them need.

    Parameters
    ----------
    datasets : list of (id, name, version)
    models : list of (Model, Facts)
        Those that are published.
    held : dict
        Object id -> reference -> number of records.
    """

    datasets: list[tuple[str, str, int]]
    models: list[tuple[register.Model, register.Facts]]
    held: dict[str, dict[bytes, int]]

    def of(self, object_id: str, refs: Iterable[bytes]) -> dict[bytes, int]:
        """Return reference -> number of records for those of `refs` of whom an object holds any."""
        held = self.held[object_id]
        return {ref: held[ref] for ref in refs if ref in held}


def survey(workspace: Workspace, connection: Connection, refs: Collection[bytes]) -> Copies:
    """Look every copy up, once for the plans of all these people."""
    published = [model for model in register.every(connection) if model.version is not None]
    versions = [register.current(connection, model.id) for model in published]
    facts = [register.open_facts(workspace, connection, version) for version in versions]
    datasets = data.versions(connection)
    ids = [*(dataset[0] for dataset in datasets), *(model.id for model in published)]
    held = {object_id: members.records(connection, object_id, refs) for object_id in ids}
    return Copies(datasets, list(zip(published, facts, strict=True)), held)


def make(workspace: Workspace, connection: Connection, refs: Collection[bytes]) -> Plan:
    """Plan the erasure of these subjects: one entry for every dataset and every published model."""
    return make_for(survey(workspace, connection, refs), refs)


def make_for(copies: Copies, refs: Collection[bytes]) -> Plan:
    """Plan the erasure of some of the people for whom the copies were looked up."""
    datasets = [_dataset(dataset, copies.of(dataset[0], refs)) for dataset in copies.datasets]
    return Plan((*datasets, *(_model(model, facts, copies.of(model.id, refs)) for model, facts in copies.models)))


def _dataset(dataset: tuple[str, str, int], leaving: dict[bytes, int]) -> CopyPlan:
    object_id, name, version = dataset
    return CopyPlan(
        object_id=object_id,
        kind="dataset",
        name=name,
        version=version,
        method=Method.DELETE_ROWS if leaving else Method.NOT_A_MEMBER,
        subjects=len(leaving),
        records=sum(leaving.values()),
        guarantee="keys destroyed, rows deleted",
        seconds=None,
        refit_seconds=None,
        why="every record of these subjects goes" if leaving else "holds none of these subjects",
    )


def _model(model: register.Model, facts: register.Facts, leaving: dict[bytes, int]) -> CopyPlan:
    records, total = sum(leaving.values()), model.records
    # Both work in proportion to the records they touch: forgetting to those that leave, a refit to those that stay.
    forget = facts.fit_seconds * records / max(total, 1)
    refit = facts.fit_seconds * (total - records) / max(total, 1)
    cheaper = Method.REFIT if records > total - records else Method.FORGET
    return CopyPlan(
        object_id=model.id,
        kind="model",
        name=model.name,
        version=model.version or 0,
        method=cheaper if leaving else Method.NOT_A_MEMBER,
        subjects=len(leaving),
        records=records,
        guarantee=facts.guarantee_words,
        seconds=min(forget, refit) if leaving else 0.0,
        refit_seconds=refit,
        why=f"{records} of {total} training records leave; "
        + ("fewer stay than leave" if cheaper is Method.REFIT else "forgetting touches fewer than a refit")
        if leaving
        else "was not trained on any of these subjects",
    )


def needs_new_approval(approved: dict[str, object], plan: Plan) -> bool:
    """Whether a remade plan promises less, or touches a copy that the approved one did not (DESIGN section 6)."""
    copies = approved["copies"]
    if not isinstance(copies, list):
        return True
    granted = {(copy["object"], copy["guarantee"]) for copy in copies if copy["subjects"]}
    return not plan.promises() <= granted
