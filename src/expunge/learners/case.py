"""What the checks of learners work with: a learner, a table of people, what comes out, and how to interrupt."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import clone, is_classifier, is_regressor

from expunge.domain.subject import SubjectId
from expunge.learners.base import Learner
from expunge.learners.people import People
from expunge.learners.registry import Task
from expunge.learners.served import ServedModel

Alternatives: TypeAlias = Mapping[str, Sequence[Any]]


class BrokenError(Exception):
    """Raised inside a check; `check_learner` adds the check's name."""


@dataclass(frozen=True)
class Case:
    """A learner and a table of people to check it on.

    Parameters
    ----------
    learner : Learner
        Unfitted; only ever cloned.
    people : People
    rng : numpy.random.Generator
    alternatives : mapping of str to sequence
        Other values for hyperparameters.
    known : dict of frozenset to Learner
        What was fitted already, by who was left out: many checks ask for the same fit.
    """

    learner: Learner
    people: People
    rng: np.random.Generator
    alternatives: Alternatives = field(default_factory=dict)
    known: dict[frozenset[SubjectId], Learner] = field(default_factory=dict)

    def fit(self, people: People | None = None, **params: Any) -> Learner:
        """Fit a clone from raw rows."""
        rows = self.people if people is None else people
        fresh: Learner = clone(self.learner).set_params(schema=rows.schema, **params)
        return fresh.fit(rows.X.copy(), copied(rows.y), subjects=rows.ids.copy())

    def fitted(self) -> Learner:
        """Return a copy, to do with as one likes, of a learner that was fitted to everybody."""
        return copy.deepcopy(self.refit_without([]))

    def refit_without(self, leaving: Iterable[SubjectId]) -> Learner:
        """Return a learner that was fitted to everybody else's raw rows: to compare with, not to change."""
        gone = frozenset(leaving)
        if gone not in self.known:
            self.known[gone] = self.fit(self.people.without(gone))
        return self.known[gone]

    def some(self, count: int) -> list[SubjectId]:
        """Choose people who own nothing special, in random order."""
        return [self.people.plain[place] for place in self.rng.permutation(len(self.people.plain))[:count]]


def must(holds: bool, problem: str) -> None:
    """Say what is broken, unless it holds."""
    if not holds:
        raise BrokenError(problem)


def task_of(learner: Learner) -> Task | None:
    """Return what a learner predicts, None for transformers."""
    if is_classifier(learner):
        return "classification"
    return "regression" if is_regressor(learner) else None


def copied(y: npt.NDArray[Any] | None) -> npt.NDArray[Any] | None:
    """Copy a target, where there is one."""
    return None if y is None else y.copy()


def outputs(model: Any, people: People) -> list[npt.NDArray[Any]]:
    """Return everything that comes out of a model for some rows."""
    methods = ("decision_function", "predict_proba", "predict", "transform")
    usable = [name for name in methods if hasattr(model, name)]
    if isinstance(model, ServedModel) and model.classes is None:
        usable = ["predict"]
    return [np.asarray(getattr(model, name)(people.X)) for name in usable]


def equal(left: list[npt.NDArray[Any]], right: list[npt.NDArray[Any]]) -> bool:
    """Whether two models' outputs are the same, bit for bit; a missing cell is one as another."""
    return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))


def _same(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> bool:
    if object in (left.dtype, right.dtype):
        return left.shape == right.shape and repr(left.tolist()) == repr(right.tolist())
    return np.array_equal(left, right, equal_nan=left.dtype.kind == right.dtype.kind == "f")


def must_be_same(left: list[npt.NDArray[Any]], right: list[npt.NDArray[Any]], problem: str) -> None:
    """Say what is broken, unless two models' outputs are the same."""
    must(equal(left, right), f"{problem}.")


def interrupted(learner: Learner, leaving: list[SubjectId], *, at: int) -> int:
    """Forget, raise KeyboardInterrupt at the given line of the learner's code (0: never), return the lines executed.

    Lines of the packages that the learner's classes come from count, and no others: an exception thrown into a library
    where no signal could arrive, such as the end of a ``with lock:``, would leave the lock held for ever.
    """
    lines = 0
    packages = {_package(cls.__module__) for cls in type(learner).__mro__} - {"sklearn", "builtins", "abc"}

    def tracer(frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal lines
        if event == "call":
            return tracer if _package(frame.f_globals.get("__name__", "")) in packages else None
        if event == "line" and frame.f_code.co_name != "__del__":  # an exception in a finaliser goes nowhere
            lines += 1
            if lines == at:
                raise KeyboardInterrupt
        return tracer

    previous = sys.gettrace()
    sys.settrace(tracer)
    try:
        learner.forget(leaving)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(previous)
    return lines


def _package(module: str) -> str:
    return module.partition(".")[0]
