"""Sums class by class are those of Python's integers, and no others are taken up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.domain.schema import Kind
from expunge.errors import CorruptedError, InputError
from expunge.learners.encoding.codes import Scaled, learn_columns
from expunge.learners.encoding.columns import Feature, read_cells
from expunge.learners.encoding.counts import Counts
from expunge.learners.exact import GaussianNB, gram
from expunge.learners.exact.classes import ClassMoments, ClassSums
from expunge.learners.state import dump, load


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 10**6), n=st.integers(6, 30), wide=st.booleans(), counted=st.booleans())
def test_class_sums_are_those_of_pythons_integers(seed: int, n: int, wide: bool, counted: bool) -> None:
    features = (Feature("n", Kind.NUMERIC), Feature("open", Kind.NUMERIC), Feature("c", Kind.CATEGORICAL))
    rng = np.random.default_rng(seed)
    opened = rng.integers(0, 6, n) + rng.choice([0.0, 0.5], n, p=[0.95, 0.05])  # now and then all are whole
    words = rng.choice(np.array(["a", "b", "rare", None], dtype=object), n, p=[0.5, 0.3, 0.1, 0.1])
    y = np.append([0, 1, 2], rng.integers(0, 3, n - 3))
    columns = [
        np.where(rng.random(n) < 0.15, np.nan, rng.gamma(2.0, 2.0, n)),
        np.where(rng.random(n) < 0.1, np.nan, opened),
        words,
        y,
    ]
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
