"""Learners whose state is integer sums: whoever leaves, in whatever order, the sums are those of a refit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from expunge.domain.schema import Column, Kind, Role, Schema
from expunge.errors import CorruptedError, InputError
from expunge.learners.encoding.codes import Scaled, learn_columns
from expunge.learners.encoding.columns import Cells, Feature, read_cells
from expunge.learners.encoding.counts import MOST, Counts, step_of
from expunge.learners.exact import PCA, GaussianNB, LinearDiscriminantAnalysis, MultinomialNB, gram
from expunge.learners.exact.classes import ClassMoments, ClassSums
from expunge.learners.state import dump, load

LEARNERS: list[Any] = [
    GaussianNB(),
    MultinomialNB(),
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(0.1),
    PCA(2),
]

DECLARED = Schema(
    (
        Column("id", Role.SUBJECT, Kind.NUMERIC),
        Column("n", Role.FEATURE, Kind.NUMERIC, 0.0, 20.0, 0.5),
        Column("open", Role.FEATURE, Kind.NUMERIC, 0.0, 1.0, 1.0, inferred=("range", "resolution")),
        Column("c", Role.FEATURE, Kind.CATEGORICAL),
        Column("y", Role.TARGET, Kind.CATEGORICAL),
    ),
    "int",
)

SEQUENCES = 250


def table(rng: np.random.Generator, n: int) -> tuple[pd.DataFrame, Any, Any]:
    opened = rng.integers(0, 6, n) + rng.choice([0.0, 0.5], n, p=[0.95, 0.05])  # now and then all are whole
    X = pd.DataFrame(
        {
            "n": np.where(rng.random(n) < 0.15, np.nan, rng.gamma(2.0, 2.0, n).clip(max=20.0)),
            "open": np.where(rng.random(n) < 0.1, np.nan, opened),
            "c": pd.Series(rng.choice(["a", "b", "rare", ""], n, p=[0.5, 0.4, 0.05, 0.05]), dtype=object),
        }
    )
    X.loc[X["c"] == "", "c"] = None
    people = rng.integers(0, max(n // 2, 3), n)
    y = rng.integers(0, 3, n)
    y[:6], people[:6] = [0, 1, 2] * 2, np.arange(6) - 10  # some who stay, so that no class is lost
    return X, y, people


@pytest.mark.parametrize("learner", LEARNERS, ids=str)
def test_hundreds_of_random_sequences_end_where_a_refit_does(learner: Any) -> None:
    for seed in range(SEQUENCES):
        rng = np.random.default_rng(seed)
        X, y, ids = table(rng, int(rng.integers(8, 40)))
        own = clone(learner).set_params(schema=DECLARED if seed % 2 else None).fit(X, y, subjects=ids)
        leaving = rng.permutation(np.unique(ids[ids >= 0]))[: int(rng.integers(1, 12))].tolist()
        cuts = sorted(rng.integers(0, len(leaving) + 1, int(rng.integers(0, len(leaving) + 1))).tolist())
        for start, end in zip([0, *cuts], [*cuts, len(leaving)], strict=True):
            own.forget(leaving[start:end])
        stays = np.flatnonzero(~np.isin(ids, leaving))
        order = rng.permutation(stays)
        fresh = clone(own).fit(X.iloc[order], y[order], subjects=ids[order])
        assert own.digest() == fresh.digest(), seed
        if seed % 25 == 0:
            assert dump(own) == dump(fresh), seed


def test_twenty_thousand_leave_one_after_another() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 50, (20_300, 2)), rng.integers(0, 2, 20_300)
    own = GaussianNB().fit(X, y)
    for person in rng.permutation(20_000).tolist():
        own.forget([person])
    rest = np.arange(20_000, 20_300)
    fresh = GaussianNB().fit(X[rest], y[rest], subjects=rest)
    assert own.digest() == fresh.digest()
    assert dump(own) == dump(fresh)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), n=st.integers(6, 30), wide=st.booleans(), counted=st.booleans())
def test_class_sums_are_those_of_pythons_integers(seed: int, n: int, wide: bool, counted: bool) -> None:
    features = (Feature("n", Kind.NUMERIC), Feature("open", Kind.NUMERIC), Feature("c", Kind.CATEGORICAL))
    X, y, _ = table(np.random.default_rng(seed), n)
    columns = [X["n"].to_numpy(), X["open"].to_numpy(), X["c"].to_numpy(), y]
    cells = read_cells((*features, Feature("y", Kind.CATEGORICAL)), columns)
    facts = learn_columns((*features, Feature("y", Kind.CATEGORICAL)), cells)
    encoding = Counts(facts) if counted else Scaled(facts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("expunge.learners.encoding.codes.WIDE", 0 if wide else 16)
        found = ClassSums.of(encoding, cells) if counted else ClassMoments.of(encoding, cells)
    codes = encoding.without_target().encode(cells).tolist()
    classes = [(np.array(y) == int(word[2:])).tolist() for word in facts[-1].words or ()]
    for number, chosen in enumerate(classes):
        own = [row for row, is_in in zip(codes, chosen, strict=True) if is_in]
        assert found.members[number] == len(own)
        assert found.sums[number].tolist() == [sum(column) for column in zip(*own, strict=True)]
        if isinstance(found, ClassMoments):
            assert found.squares[number].tolist() == [sum(row[place] ** 2 for row in own) for place in (0, 2)]


def test_too_many_rows_are_refused_rather_than_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram, "MOST_ROWS", 4)
    with pytest.raises(InputError, match="4 rows are too many"):
        GaussianNB().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("members", np.array([3, 2])),
        ("members", np.array([4, 0])),
        ("members", np.array([1, 1, 2])),
        ("sums", np.zeros((2, 3), np.int64)),
        ("squares", np.zeros((1, 1), np.int64)),
    ],
)
def test_sums_of_other_rows_are_corrupt(name: str, other: Any) -> None:
    learner = GaussianNB().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    meta, arrays = learner.to_parts()
    with pytest.raises(CorruptedError, match="no state of a GaussianNB"):
        GaussianNB().restore(meta, arrays | {name: other})
    assert load(dump(learner)).digest() == learner.digest()


NUMBERS = st.floats(0, 2.0**53)


@given(low=NUMBERS, high=NUMBERS, values=st.lists(NUMBERS, min_size=1, max_size=9), whole=st.booleans())
def test_counts_are_within_half_a_step_and_never_beyond_their_bits(
    low: float, high: float, values: list[float], whole: bool
) -> None:
    low, high = min(low, high), max(low, high)
    facts = learn_columns([Feature("n", Kind.NUMERIC, low, high, 1.0 if whole else None)], _numbers([low]))
    codes, step = Counts(facts).encode(_numbers(values))[:, 0], step_of(facts[0])
    assert 0 <= codes.min() <= codes.max() <= MOST
    for code, value in zip(codes.tolist(), values, strict=True):
        if value <= high:
            assert abs(code * step - value) <= step / 2 * (1 + 1e-6)
        if whole and high <= MOST and value <= high:
            assert code == np.rint(value)


def test_whole_counts_are_not_counted_again_when_the_largest_leaves() -> None:
    learner = MultinomialNB().fit([[1, 0], [900, 3], [2, 5], [4, 4]], [0, 0, 1, 1])
    assert learner.forget([1]).work == {"rows_touched": 1, "rows_reencoded": 0}
    again = MultinomialNB().fit([[1, 0], [2, 5], [4, 4]], [0, 1, 1], subjects=[0, 2, 3])
    assert learner.digest() == again.digest()


def _numbers(values: list[float]) -> Cells:
    return Cells(np.array(values)[:, None], np.empty((len(values), 0), np.int32), ())
