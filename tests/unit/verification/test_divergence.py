"""Divergence and tug of war: bounded, symmetric, and nought where nothing differs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon

from expunge.errors import InputError
from expunge.verification.divergence import divergence, from_the_others, jensen_shannon
from expunge.verification.tug_of_war import Accuracies, tug_of_war

SHARES = st.floats(0, 1)


def rows(n_rows: int = 4) -> st.SearchStrategy[Any]:
    raw = arrays(np.float64, (n_rows, 3), elements=st.one_of(st.just(0.0), st.floats(1e-9, 1)))
    return raw.filter(lambda some: bool((some.sum(axis=1) > 0).all())).map(
        lambda some: some / some.sum(axis=1, keepdims=True)
    )


@given(rows(), rows())
def test_it_is_symmetric_and_between_nought_and_log_two(p: Any, q: Any) -> None:
    found = jensen_shannon(p, q)
    assert (found == jensen_shannon(q, p)).all()
    assert ((found >= 0) & (found <= np.log(2))).all()
    assert (jensen_shannon(p, p) == 0).all()


@given(rows(), rows())
def test_it_is_the_textbooks(p: Any, q: Any) -> None:
    with np.errstate(invalid="ignore"):  # SciPy takes the root, of a tiny negative number too
        squared = np.nan_to_num(jensenshannon(p, q, axis=1)) ** 2
    assert jensen_shannon(p, q) == pytest.approx(squared, abs=1e-7)


@given(st.lists(rows(), min_size=3, max_size=5))
def test_each_model_is_held_against_all_the_others(outputs: list[Any]) -> None:
    found = from_the_others(outputs)
    for place, one in enumerate(outputs):
        others = [divergence(one, other) for number, other in enumerate(outputs) if number != place]
        assert found[place] == pytest.approx(np.mean(others))


def test_rows_of_different_tables_are_refused() -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        jensen_shannon(np.full((2, 2), 0.5), np.full((3, 2), 0.5))
    with pytest.raises(InputError, match="1 models"):
        from_the_others([np.full((2, 2), 0.5)])


@given(SHARES, SHARES, SHARES, SHARES, SHARES, SHARES)
def test_tug_of_war_is_one_only_as_good_as_retraining(
    a: float, b: float, c: float, d: float, e: float, f: float
) -> None:
    model, other = Accuracies(a, b, c), Accuracies(d, e, f)
    assert 0 <= tug_of_war(model, [other]) <= 1
    assert tug_of_war(model, [model]) == 1
    assert tug_of_war(model, [other]) == pytest.approx((1 - abs(a - d)) * (1 - abs(b - e)) * (1 - abs(c - f)))


def test_without_a_retrained_model_there_is_no_tug_of_war() -> None:
    with pytest.raises(InputError, match="no retrained model"):
        tug_of_war(Accuracies(1, 1, 1), [])
