"""Plans: what will be done to each copy, and whether forgetting or a full refit is cheaper (promise 8)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from expunge.access.policy import Policy
from expunge.domain.cost import duration
from expunge.domain.guarantee import reaches
from expunge.domain.plan import Candidate, CopyPlan, Method, Plan
from expunge.erasure.release import rule_of
from expunge.erasure.scope import Retention, Scope
from expunge.workspace import data, members, register, seeds
from expunge.workspace.folder import Workspace


@dataclass(frozen=True)
class Survey:
    """What there is to plan for: read once, however many plans are made of it.

    Parameters
    ----------
    datasets : tuple of Dataset
    models : tuple of (Model, Version, Facts)
        The published ones, each with its current version and what is known of it.
    held : dict of str to (dict of bytes to int)
        Object id -> reference -> records, of the people for whom it was made.
    policy : Policy
    """

    datasets: tuple[data.Dataset, ...]
    models: tuple[tuple[register.Model, register.Version, register.Facts], ...]
    held: dict[str, dict[bytes, int]]
    policy: Policy

    def records(self, object_id: str, refs: Collection[bytes]) -> dict[bytes, int]:
        """Return reference -> number of records for those of `refs` who are members of an object."""
        held = self.held[object_id]
        return {ref: held[ref] for ref in refs if ref in held}


def survey(workspace: Workspace, connection: Connection, people: Collection[bytes]) -> Survey:
    """Look at every dataset and every published model, with these people in mind."""
    datasets = tuple(data.every(workspace, connection))
    published = [model for model in register.every(connection) if model.version is not None]
    models = tuple(
        (model, version, register.open_facts(workspace, connection, version))
        for model in published
        for version in (register.current(connection, model.id),)
    )
    objects = [*(dataset.id for dataset in datasets), *(model.id for model in published)]
    held = {one: members.records(connection, one, people) for one in objects}
    return Survey(datasets, models, held, workspace.policy)


def make(workspace: Workspace, connection: Connection, scope: Scope) -> Plan:
    """Plan an erasure: one entry for every dataset and every published model."""
    return plan_of(survey(workspace, connection, scope.people), scope)


def plan_of(seen: Survey, scope: Scope) -> Plan:
    """Plan an erasure by a survey that had its people in mind."""
    datasets = (_dataset(seen, dataset, scope) for dataset in seen.datasets)
    return Plan((*datasets, *(_model(seen, *model, scope) for model in seen.models)), rule_of(seen.policy))


def _dataset(seen: Survey, dataset: data.Dataset, scope: Scope) -> CopyPlan:
    leaving = seen.records(dataset.id, scope.shredded)
    kept = [one for one in scope.retained if one.dataset == dataset.id]
    return CopyPlan(
        object_id=dataset.id,
        kind="dataset",
        name=dataset.name,
        version=dataset.version,
        method=_of(Method.DELETE_ROWS, leaving, kept),
        subjects=len(leaving),
        records=sum(leaving.values()),
        of_records=dataset.records,
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


def _model(
    seen: Survey, model: register.Model, version: register.Version, facts: register.Facts, scope: Scope
) -> CopyPlan:
    leaving = seen.records(model.id, scope.forgotten)
    still = seen.records(model.id, {one.ref for one in scope.retained if not one.restricts})
    kept = [one for one in scope.retained if one.ref in still]
    records, total = sum(leaving.values()), model.records
    floor = seen.policy.guarantee_floor
    below = "" if reaches(facts.guarantee, floor) else f"the policy asks for more: {floor}"
    rotates = bool(leaving) and not below and seeds.is_due(seen.policy, model.seeded)
    rotation = f"its seed is of {model.seeded[:10]} and is renewed by a full retrain" if rotates else ""
    found = candidates(facts, len(leaving), records, total, rotation, below)
    taken = next(one for one in found if not one.lost)
    refit = next(one for one in found if one.method is Method.REFIT)
    # No figure in words: a number in a text is somebody's, where ids are as small.
    reason = f"{taken.how}: {rotation or 'the cheapest way'}"
    if below:
        reason = f"retired, since {below}"
    elif facts.refits and not rotation:
        reason = "this learner forgets by a full refit"
    return CopyPlan(
        object_id=model.id,
        kind="model",
        name=model.name,
        version=version.version,
        method=_of(taken.method, leaving, kept),
        subjects=len(leaving),
        records=records,
        of_records=total,
        guarantee=taken.guarantee if leaving else facts.guarantee_words,
        seconds=taken.seconds if leaving else 0.0,
        refit_seconds=refit.seconds,
        why=_why(
            reason if leaving else "was not trained on any of these subjects",
            leaving,
            kept,
        ),
        rotates=rotates,
        candidates=found if leaving else (),
    )


def candidates(
    facts: register.Facts, subjects: int, records: int, total: int, rotation: str = "", below: str = ""
) -> tuple[Candidate, ...]:
    """Return every way to take people out of a model, the cheapest of those that leave one without `lost`.

    Parameters
    ----------
    facts : Facts
    subjects, records, total : int
        Who leaves, and of how many records.
    rotation : str
        Why only a full refit will do, if so.
    below : str
        Why no model will do that this learner leaves, if so.
    """
    refit = facts.costs.refit(total - records)
    forget, basis = facts.costs.forget(subjects, records, total)
    slow = f"takes {duration(refit)}, {facts.forgets} {duration(forget)}"
    mends = not facts.refits and not rotation and forget <= refit
    shared: dict[str, Any] = {"memory": facts.state_bytes, "guarantee": facts.guarantee_words}
    own = Candidate(
        Method.FORGET, facts.forgets, forget, basis, **shared, lost=below or _lost_to_refit(mends, rotation, slow)
    )
    return (
        *(() if facts.refits else (own,)),
        Candidate(Method.REFIT, "full refit", refit, "measured", **shared, lost=below or (slow if mends else "")),
        Candidate(
            Method.RETIRE,
            "retired",
            0.0,
            "expected",
            0,
            "no model is left",
            "" if below else "a model can be kept, and is asked for",
        ),
    )


def _lost_to_refit(mends: bool, rotation: str, slow: str) -> str:
    return "" if mends else rotation or f"a full refit {slow}"


def needs_new_approval(approved: dict[str, object], plan: Plan) -> bool:
    """Whether a remade plan promises less, or touches a copy that the approved one did not (DESIGN section 6)."""
    copies = approved["copies"]
    if not isinstance(copies, list):
        return True
    granted = {(copy["object"], copy["guarantee"]) for copy in copies if copy["subjects"]}
    return not plan.promises() <= granted
