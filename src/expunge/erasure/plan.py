"""Plans: what will be done to each copy, and whether forgetting or a full refit is cheaper (promise 8)."""

from __future__ import annotations

from sqlalchemy import Connection

from expunge.domain.plan import CopyPlan, Method, Plan
from expunge.erasure.release import rule_of
from expunge.erasure.scope import Retention, Scope
from expunge.workspace import data, members, register, seeds
from expunge.workspace.folder import Workspace


def make(workspace: Workspace, connection: Connection, scope: Scope) -> Plan:
    """Plan an erasure: one entry for every dataset and every published model."""
    datasets = [_dataset(connection, dataset, scope) for dataset in data.every(workspace, connection)]
    published = [model for model in register.every(connection) if model.version is not None]
    models = (_model(workspace, connection, model, scope) for model in published)
    return Plan((*datasets, *models), rule_of(workspace.policy))


def _dataset(connection: Connection, dataset: data.Dataset, scope: Scope) -> CopyPlan:
    leaving = members.records(connection, dataset.id, scope.shredded)
    kept = [one for one in scope.retained if one.dataset == dataset.id]
    return CopyPlan(
        object_id=dataset.id,
        kind="dataset",
        name=dataset.name,
        version=dataset.version,
        method=_of(Method.DELETE_ROWS, leaving, kept),
        subjects=len(leaving),
        records=sum(leaving.values()),
        guarantee="keys destroyed, rows deleted",
        seconds=None,
        refit_seconds=None,
        why=_why("every record of these subjects goes" if leaving else "holds none of these subjects", leaving, kept),
    )


def _of(method: Method, leaving: dict[bytes, int], kept: list[Retention]) -> Method:
    if leaving:
        return method
    return Method.RETAINED if kept else Method.NOT_A_MEMBER


def _why(reason: str, leaving: dict[bytes, int], kept: list[Retention]) -> str:
    if not kept:
        return reason
    retained = f"retained under {', '.join(sorted({one.ground.article for one in kept}))}"
    return f"{reason}; {len(kept)} {retained}" if leaving else retained


def _model(workspace: Workspace, connection: Connection, model: register.Model, scope: Scope) -> CopyPlan:
    version = register.current(connection, model.id)
    facts = register.open_facts(workspace, connection, version)
    leaving = members.records(connection, model.id, scope.forgotten)
    still = members.records(connection, model.id, {one.ref for one in scope.retained if not one.restricts})
    kept = [one for one in scope.retained if one.ref in still]
    records, total = sum(leaving.values()), model.records
    # Both work in proportion to the records they touch: forgetting to those that leave, a refit to those that stay.
    forget = facts.fit_seconds * records / max(total, 1)
    refit = facts.fit_seconds * (total - records) / max(total, 1)
    rotates = bool(leaving) and seeds.is_due(workspace.policy, model.seeded)
    cheaper = Method.REFIT if rotates or records > total - records else Method.FORGET
    reason = "forgetting touches fewer than a refit" if cheaper is Method.FORGET else "fewer stay than leave"
    if rotates:
        reason = f"its seed is of {model.seeded[:10]} and is renewed by a full retrain"
    return CopyPlan(
        object_id=model.id,
        kind="model",
        name=model.name,
        version=version.version,
        method=_of(cheaper, leaving, kept),
        subjects=len(leaving),
        records=records,
        guarantee=facts.guarantee_words,
        seconds=(refit if cheaper is Method.REFIT else forget) if leaving else 0.0,
        refit_seconds=refit,
        why=_why(
            f"{records} of {total} training records leave; {reason}"
            if leaving
            else "was not trained on any of these subjects",
            leaving,
            kept,
        ),
        rotates=rotates,
    )


def needs_new_approval(approved: dict[str, object], plan: Plan) -> bool:
    """Whether a remade plan promises less, or touches a copy that the approved one did not (DESIGN section 6)."""
    copies = approved["copies"]
    if not isinstance(copies, list):
        return True
    granted = {(copy["object"], copy["guarantee"]) for copy in copies if copy["subjects"]}
    return not plan.promises() <= granted
