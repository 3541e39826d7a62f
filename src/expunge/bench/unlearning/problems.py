"""What is to be forgotten: rows of people, and the candidates among them.

Every model learns from all who stay and from a half of the candidates, drawn for each; that half it then forgets. So
who was forgotten and who was never seen differ by a coin alone.

A task's name is that of its rows and that of a scenario: ``mnist-subjects``. Other packages register tasks under
``expunge.bench.tasks``, as functions that take a `Size` and give a `Problem`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from expunge.bench.tasks import Task, adult, credit, diabetes, digits
from expunge.bench.unlearning.sizes import Size
from expunge.errors import InputError, NotFoundError
from expunge.learners.encoding.codes import learn_columns
from expunge.learners.encoding.columns import features_of, raw_columns, read_cells
from expunge.learners.served.network import encoded

GROUP: Final = "expunge.bench.tasks"
FORGOTTEN_CLASS: Final = 3

_Rows: TypeAlias = npt.NDArray[np.bool_]
_Draw: TypeAlias = Callable[[Task, _Rows, np.random.Generator, Size], tuple[npt.NDArray[Any], npt.NDArray[Any]]]


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows of people, and who may be asked to be forgotten.

    Parameters
    ----------
    name : str
    X : DataFrame (n_rows, n_features)
    y : ndarray of int (n_rows,)
        Classes 0, 1, ..., as they are learned.
    truth : ndarray of int (n_rows,)
        As they are; others than `y` where labels are wrong.
    people : ndarray (n_rows,)
    test : ndarray of bool (n_rows,)
        Rows of people whom no model sees.
    candidates : ndarray (n_candidates,)
        People, sorted.
    recipe : str
        Of its network (`expunge.learners.recipes`).
    """

    name: str
    X: pd.DataFrame
    y: npt.NDArray[np.int64]
    truth: npt.NDArray[np.int64]
    people: npt.NDArray[Any]
    test: _Rows
    candidates: npt.NDArray[Any]
    recipe: str

    @cached_property
    def classes(self) -> npt.NDArray[np.int64]:
        """All classes, in order."""
        return np.unique(self.truth)

    @cached_property
    def inputs(self) -> npt.NDArray[np.float32]:
        """What a network sees: (n_rows, n_inputs), encoded as for our own, by ranges and words as if declared."""
        raw = raw_columns(self.X)
        features = features_of(raw)
        cells = read_cells(features, raw.arrays)
        return encoded(learn_columns(features, cells), cells)

    @cached_property
    def asked(self) -> _Rows:
        """Rows of candidates."""
        return np.isin(self.people, self.candidates)

    @cached_property
    def stay(self) -> _Rows:
        """Rows of who is learned from, and stays."""
        return ~self.test & ~self.asked

    def leave(self, members: _Rows) -> _Rows:
        """Return the rows of some candidates."""
        return np.isin(self.people, self.candidates[members])


def _subjects(
    task: Task, train: _Rows, rng: np.random.Generator, size: Size
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    everybody = np.unique(task.people[train])
    count = min(size.most_candidates, int(size.candidates * len(everybody)))
    return rng.choice(everybody, count, replace=False), task.y


def _class(task: Task, train: _Rows, rng: np.random.Generator, size: Size) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    theirs = np.unique(task.people[train & (task.y == FORGOTTEN_CLASS)])
    if len(np.unique(task.y)) < 3 or not len(theirs):
        raise InputError(
            "to forget one class of two leaves nothing to tell apart.", mend="Take a task of several classes: mnist."
        )
    return rng.permutation(theirs)[: size.most_candidates], task.y


def _mislabelled(
    task: Task, train: _Rows, rng: np.random.Generator, size: Size
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    chosen, y = _subjects(task, train, rng, size)
    classes = len(np.unique(y))
    wrong = (y + rng.integers(1, classes, len(y))) % classes
    return chosen, np.where(np.isin(task.people, chosen), wrong, y)


SCENARIOS: Final[dict[str, _Draw]] = {"subjects": _subjects, "class": _class, "mislabelled": _mislabelled}
ROWS: Final[dict[str, tuple[Callable[[], Task], str]]] = {
    "mnist": (digits, "digits"),
    "adult": (adult, "perceptron"),
    "diabetes130": (diabetes, "perceptron"),
    "credit": (credit, "perceptron"),
}
"""Name -> rows, and the recipe of the network."""
TASKS: Final = tuple(
    f"{rows}-{scenario}" for rows in ROWS for scenario in SCENARIOS if rows == "mnist" or scenario != "class"
)


def task_names() -> list[str]:
    """Return the names of all tasks: ours, then others'."""
    return [*TASKS, *sorted(point.name for point in entry_points(group=GROUP) if point.name not in TASKS)]


def load(name: str, size: Size) -> Problem:
    """Load a task.

    Raises
    ------
    NotFoundError
        Where there is none of this name.
    InputError
        Where its file is missing, or not the one that is known.
    """
    if name in TASKS:
        return _made(name, size)
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        raise NotFoundError(f"there is no task {name!r}.", mend=f"Tasks are: {', '.join(task_names())}.")
    found = points[name].load()(size)
    if not isinstance(found, Problem):
        raise InputError(f"task {name!r} is registered and gives a {type(found).__name__}.", mend="Give a Problem.")
    return found


def _made(name: str, size: Size) -> Problem:
    rows, _, scenario = name.partition("-")
    read, recipe = ROWS[rows]
    task = read().some(size.people, np.random.default_rng(0))
    train = task.train(0)
    candidates, y = SCENARIOS[scenario](task, train, np.random.default_rng(1), size)
    labels = np.asarray(y, dtype=np.int64)
    truth = np.asarray(task.y, dtype=np.int64)
    X = task.X.reset_index(drop=True)
    return Problem(name, X, labels, truth, task.people, ~train, np.sort(candidates), recipe)
