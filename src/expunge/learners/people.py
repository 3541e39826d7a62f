"""Made-up people to check learners on: small, random, and with everything that makes forgetting hard.

Among them: people with several rows; one who owns the extremes of numbers and target; one who alone has a category;
missing cells of every kind; and amounts that occur nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.domain.subject import SubjectId
from expunge.learners.reach import Needles
from expunge.learners.registry import Task

PEOPLE = 13


@dataclass(frozen=True, eq=False)
class People:
    """A table of made-up people.

    Parameters
    ----------
    X : DataFrame (n_rows, 5)
    y : ndarray (n_rows,) or None
    ids : ndarray (n_rows,) of int64 or str
    schema : Schema or None
    extreme : int or str
        Who owns the largest and the smallest value of every column.
    lone : int or str
        Who alone has a category.
    """

    X: pd.DataFrame
    y: npt.NDArray[Any] | None
    ids: npt.NDArray[Any]
    schema: Schema | None
    extreme: SubjectId
    lone: SubjectId

    @property
    def subjects(self) -> list[SubjectId]:
        """Everybody, each once."""
        return list(dict.fromkeys(self.ids.tolist()))

    @property
    def plain(self) -> list[SubjectId]:
        """Everybody but the two who own something special."""
        return [subject for subject in self.subjects if subject not in {self.extreme, self.lone}]

    def rows(self, subjects: Iterable[SubjectId]) -> npt.NDArray[np.bool_]:
        """Return which rows are theirs."""
        wanted = set(subjects)
        return np.array([subject in wanted for subject in self.ids.tolist()], dtype=np.bool_)

    def only(self, rows: npt.NDArray[Any]) -> People:
        """Return copies of some rows, by mask or in the given order."""
        y = None if self.y is None else self.y[rows]
        X = self.X.iloc[np.flatnonzero(rows) if rows.dtype == np.bool_ else rows].reset_index(drop=True).copy()
        return People(X, y, self.ids[rows], self.schema, self.extreme, self.lone)

    def without(self, subjects: Iterable[SubjectId]) -> People:
        """Return copies of everybody else's rows."""
        return self.only(~self.rows(subjects))

    def counted(self) -> People:
        """Return copies of all rows with numbers from 0 on; the ends of the amounts are still the same person's."""
        amount = np.round(self.X["amount"] - self.X["amount"].min() + 1.23456789, 9)  # a number to search for: not 0
        return replace(self, X=self.X.assign(amount=amount, score=self.X["score"].abs()))

    def needles(self, subjects: Iterable[SubjectId]) -> Needles:
        """Return these people's ids and the values that only they have."""
        wanted = list(subjects)
        theirs, others = self.only(self.rows(wanted)), self.without(wanted)
        floats = set(theirs.X["amount"].dropna()) - set(others.X["amount"].dropna())
        words = set(theirs.X["ward"].dropna()) - set(others.X["ward"].dropna())
        texts = (*(subject for subject in wanted if isinstance(subject, str)), *sorted(words))
        integers = tuple(subject for subject in wanted if not isinstance(subject, str))
        return Needles(texts, integers, tuple(sorted(floats)))


def random_people(seed: int, task: Task | None, *, text_ids: bool, declared: bool, classes: int = 2) -> People:
    """Make people up.

    Parameters
    ----------
    seed : int
    task : {"classification", "regression"} or None
    text_ids : bool
        Whether ids are text (labels too), or integers.
    declared : bool
        Whether there is a schema. It declares some ranges and leaves others, and a resolution, to be inferred.
    classes : int
    """
    rng = np.random.default_rng(seed)
    numbers = rng.integers(2**40, 2**41, PEOPLE).tolist()
    names: list[SubjectId] = [f"person-{number:x}" for number in numbers] if text_ids else numbers
    extreme, lone = names[:2]
    owners = np.concatenate([np.arange(PEOPLE), [0], rng.integers(0, PEOPLE, 2 * PEOPLE)])
    n_rows = len(owners)
    amount = np.round(rng.uniform(-50, 50, n_rows), 9)
    amount[owners == 0] = 90 + rng.uniform(0, 9, int((owners == 0).sum()))
    amount[(rng.random(n_rows) < 0.15) & (owners > 1)] = np.nan
    ward = rng.choice(["a", "b", "c"], n_rows).astype(object)
    ward[(rng.random(n_rows) < 0.15) & (owners > 1)] = None
    ward[owners == 1] = f"lone-{rng.integers(2**40):x}"
    visits = rng.integers(0, 9, n_rows)
    visits[owners == 0] = 30
    score = np.where(rng.random(n_rows) < 0.2, np.nan, np.round(rng.normal(size=n_rows), 2))
    score[owners == 0] = 7.0
    amount[0], visits[0], score[0] = -amount[0], 0, -7.0  # both ends: no range is anybody else's
    X = pd.DataFrame(
        {
            "amount": amount,
            "ward": pd.Series(ward, dtype=object),
            "visits": visits,
            "flag": rng.random(n_rows) < 0.5,
            "score": score,
        }
    )
    y = _target(task, X, owners, rng, text=text_ids, classes=classes)
    order = rng.permutation(n_rows)
    ids = np.array([names[owner] for owner in owners])
    schema = _schema(task, text_ids=text_ids) if declared else None
    return People(X, y, ids, schema, extreme, lone).only(order)


def _target(
    task: Task | None,
    X: pd.DataFrame,
    owners: npt.NDArray[np.int64],
    rng: np.random.Generator,
    *,
    text: bool,
    classes: int,
) -> npt.NDArray[Any] | None:
    if task is None:
        return None
    if task == "regression":
        y = X["visits"].to_numpy() + rng.normal(size=len(X))
        y[owners == 0] += 100
        y[0] = -100.0
        return y
    kinds = (owners + rng.integers(0, 2, len(X))) % classes  # many people have rows of every class
    return np.array([f"class-{kind}" for kind in kinds]) if text else kinds


def _schema(task: Task | None, *, text_ids: bool) -> Schema:
    open_range = ("range", "resolution")
    target = [] if task is None else [_TARGETS[task]]
    return Schema(
        (
            Column("id", Role.SUBJECT, Kind.TEXT),
            Column("visits", Role.FEATURE, Kind.NUMERIC, 0.0, 40.0, 1.0),
            Column("amount", Role.FEATURE, Kind.NUMERIC, -60.0, 100.0, None, inferred=open_range),
            Column("ward", Role.QUASI_IDENTIFIER, Kind.CATEGORICAL),
            Column("score", Role.SENSITIVE, Kind.NUMERIC, -8.0, 8.0, 0.01),
            Column("flag", Role.IGNORED, Kind.NUMERIC),
            *target,
        ),
        "str" if text_ids else "int",
    )


_TARGETS = {
    "classification": Column("y", Role.TARGET, Kind.CATEGORICAL),
    "regression": Column("y", Role.TARGET, Kind.NUMERIC, None, None, None, inferred=("range", "resolution")),
}
