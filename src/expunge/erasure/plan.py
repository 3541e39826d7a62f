"""Plans: what will be done to each copy, and whether forgetting or a full refit is cheaper (promise 8)."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection

from expunge.domain.plan import CopyPlan, Method, Plan
from expunge.workspace import data, members, register
from expunge.workspace.folder import Workspace


def make(workspace: Workspace, connection: Connection, refs: Collection[bytes]) -> Plan:
    """Plan the erasure of these subjects: one entry for every dataset and every published model."""
    datasets = [_dataset(connection, dataset, refs) for dataset in data.every(workspace, connection)]
    published = [model for model in register.every(connection) if model.version is not None]
    return Plan((*datasets, *(_model(workspace, connection, model, refs) for model in published)))


def _dataset(connection: Connection, dataset: data.Dataset, refs: Collection[bytes]) -> CopyPlan:
    leaving = members.records(connection, dataset.id, refs)
    return CopyPlan(
        object_id=dataset.id,
        kind="dataset",
        name=dataset.name,
        version=dataset.version,
        method=Method.DELETE_ROWS if leaving else Method.NOT_A_MEMBER,
        subjects=len(leaving),
        records=sum(leaving.values()),
        guarantee="keys destroyed, rows deleted",
        seconds=None,
        refit_seconds=None,
        why="every record of these subjects goes" if leaving else "holds none of these subjects",
    )


def _model(workspace: Workspace, connection: Connection, model: register.Model, refs: Collection[bytes]) -> CopyPlan:
    version = register.current(connection, model.id)
    facts = register.open_facts(workspace, connection, version)
    leaving = members.records(connection, model.id, refs)
    records, total = sum(leaving.values()), model.records
    # All work in proportion to the records they touch: forgetting to those that leave, a refit to those that stay.
    refit = facts.fit_seconds * (total - records) / max(total, 1)
    forget = refit if facts.refits else facts.fit_seconds * records / max(total, 1)
    cheaper = Method.REFIT if facts.refits or records > total - records else Method.FORGET
    fewer = "fewer stay than leave" if cheaper is Method.REFIT else "forgetting touches fewer than a refit"
    return CopyPlan(
        object_id=model.id,
        kind="model",
        name=model.name,
        version=version.version,
        method=cheaper if leaving else Method.NOT_A_MEMBER,
        subjects=len(leaving),
        records=records,
        guarantee=facts.guarantee_words,
        seconds=min(forget, refit) if leaving else 0.0,
        refit_seconds=refit,
        why=f"{records} of {total} training records leave; "
        + ("this learner forgets by a full refit" if facts.refits else fewer)
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
