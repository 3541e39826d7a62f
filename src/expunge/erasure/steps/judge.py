"""What a model that did not forget exactly is held against: a budget, or models that were trained again.

Invariants
----------
- Nothing that is judged here is called exact. A Certified model is checked against its budget; an Empirical one is
  judged beside models that were refitted on those who remain, under seeds of their own.
- A model that the judge fails is not published: it is refitted (`expunge.erasure.steps.verify`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection

from expunge.datasets import Table
from expunge.domain.guarantee import Certified
from expunge.domain.report import Check, Verdict
from expunge.verification.membership import Membership, membership, unseen
from expunge.verification.predictions import margins, per_subject, probabilities
from expunge.verification.unlearning import Judgement, Outputs, Targets, judge
from expunge.workspace import models, register
from expunge.workspace.folder import Workspace

if TYPE_CHECKING:
    from expunge.learners.served import ServedModel

RETRAINED: Final = 8
"""Models that are trained again, as a yardstick: under seeds of numbers that no version has."""
APART: Final = 1_000_000
LEAST_PEOPLE: Final = 2
PREFIX: Final = "unlearning: "
BUDGET: Final = "budget"


def budget(guarantee: Certified) -> Check:
    """Check that what removals may have left behind is within what the noise covers."""
    figures = {
        "epsilon": repr(guarantee.epsilon),
        "delta": repr(guarantee.delta),
        "spent": f"{guarantee.spent:.6f}",
    }
    if guarantee.spent <= 1:
        return Check(BUDGET, Verdict.PASSED, "The bounds of all removals since the last fit are within it.", figures)
    return Check(BUDGET, Verdict.FAILED, "The bounds of all removals since the last fit are beyond it.", figures)


def judged(
    workspace: Workspace, connection: Connection, model: str, staged: register.Version, table: Table, gone: Table
) -> Judgement | None:
    """Judge a staged model beside refits; None where there is nobody to judge it by.

    Parameters
    ----------
    table : Table
        Rows of everybody who remains, those held out among them.
    gone : Table
        Rows of those who left the model.
    """
    row = register.by_id(connection, model)
    training = models.training_rows(workspace, table, model, row.held_out)
    held = models.held_out_rows(workspace, table, model, row.held_out)
    if not held.any():
        return None
    before = register.open_served(workspace, connection, register.current(connection, model))
    if before.classes is None:
        return None
    features, target, people = table.features()[held], table.target()[held], table.subjects[held]
    parts = {"forget": (gone.features(), gone.target(), gone.subjects)}
    parts["retain"] = (training.features(), training.target(), training.subjects)
    parts["test"] = (features, target, people)
    after = register.open_served(workspace, connection, staged)
    retrained = []
    for number in range(RETRAINED):
        learner, _ = models.fit(workspace, connection, model, training, APART + number)
        retrained.append(learner.serve())
    classes = every_class(before.classes, *(part[1] for part in parts.values()))
    found = {name: _outputs(served, parts, classes) for name, served in (("before", before), ("after", after))}
    again = [_outputs(served, parts, classes) for served in retrained]
    targets = Targets(**{name: _places(part[1], classes) for name, part in parts.items()})
    seed = int.from_bytes(workspace.vault.derive(f"judge|{model}")[:4], "big")
    attack = _attacked(found["after"], again, targets, (gone.subjects, people), seed)
    return judge(found["before"], found["after"], again, targets, membership=attack)


def every_class(known: npt.NDArray[Any], *targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a model's classes and those that it never saw: of a rare class all may be held out.

    Examples
    --------
    >>> every_class(np.array(["no", "yes"]), np.array(["yes"]), np.array(["perhaps"])).tolist()
    ['no', 'perhaps', 'yes']
    """
    return np.array(sorted({label for one in (known, *targets) for label in one.tolist()}))


def _outputs(served: ServedModel, parts: dict[str, Any], classes: npt.NDArray[Any]) -> Outputs:
    return Outputs(**{name: probabilities(served, part[0], classes) for name, part in parts.items()})


def _places(target: npt.NDArray[Any], classes: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    place = {label: number for number, label in enumerate(classes.tolist())}
    return np.array([place[label] for label in target.tolist()], dtype=np.intp)


def _attacked(
    after: Outputs,
    retrained: list[Outputs],
    targets: Targets,
    people: tuple[npt.NDArray[Any], npt.NDArray[Any]],
    seed: int,
) -> Membership | None:
    """Try to tell who was forgotten from who was held out; None where they are too few."""
    if min(len(np.unique(own)) for own in people) < LEAST_PEOPLE:
        return None
    told = []
    for rows, own in zip(("forget", "test"), people, strict=True):
        y = getattr(targets, rows)
        scores = [per_subject(margins(getattr(one, rows), y), own)[1] for one in (after, *retrained)]
        told.append(unseen(scores[0], np.array(scores[1:])))
    return membership(np.concatenate(told), np.repeat([True, False], [len(own) for own in told]), seed=seed)


def stated(found: Judgement) -> list[Check]:
    """Return the judge's checks as a certificate names them."""
    return [Check(PREFIX + one.name, one.verdict, one.detail, one.figures) for one in found.checks]


def in_words(found: Judgement | None) -> str:
    """Say what was measured, in a line."""
    if found is None:
        return "nothing in this batch"
    figures = {f"{check.name} {name}": value for check in found.checks for name, value in check.figures.items()}
    wanted = {
        "membership auc": "membership AUC",
        "membership epsilon_low": "ε at least",
        "divergence forget": "divergence from retrained models",
        "divergence forget_retrained": "theirs from each other",
    }
    told = [f"{words} {figures[name]}" for name, words in wanted.items() if name in figures]
    return f"{'; '.join(told)}; verdict {found.verdict.value}"
