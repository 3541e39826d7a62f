"""l and t by their definitions, and rules that make no sense."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.errors import InputError
from expunge.privacy.rules import Diversity, Rules, Sensitive, hold

if TYPE_CHECKING:
    from tests.unit.privacy.conftest import Oracle


@st.composite
def columns(draw: st.DrawFn) -> tuple[Sensitive, np.ndarray]:
    n = draw(st.integers(1, 40))
    m = draw(st.integers(1, 6))
    codes = np.array(draw(st.lists(st.integers(0, m - 1), min_size=n, max_size=n)))
    codes = np.unique(codes, return_inverse=True)[1]
    values = tuple(str(code) for code in range(int(codes.max()) + 1))
    groups = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    groups = np.unique(groups, return_inverse=True)[1]
    return Sensitive("ill", np.arange(n), codes, values, ordered=draw(st.booleans())), groups


@given(columns())
@settings(max_examples=150, deadline=None)
def test_distances_are_the_earth_movers(oracle: Oracle, drawn: tuple[Sensitive, np.ndarray]) -> None:
    column, groups = drawn
    (counts,) = column.counted(groups, int(groups.max()) + 1)
    found = counts.distances(column.everybody[0], ordered=column.ordered)
    texts = [column.values[code] for code in column.codes]
    for group in range(len(found)):
        values = [text for text, of in zip(texts, groups, strict=True) if of == group]
        assert math.isclose(
            found[group], oracle.distance(values, texts, column.values if column.ordered else None), abs_tol=1e-9
        )


@given(columns(), st.integers(2, 4), st.sampled_from(Diversity), st.sampled_from([0.5, 1.0, 3.0]))
@settings(max_examples=150, deadline=None)
def test_diversity_is_as_it_is_defined(
    oracle: Oracle, drawn: tuple[Sensitive, np.ndarray], least: int, kind: Diversity, c: float
) -> None:
    column, groups = drawn
    rules = Rules(k=2, l=least, diversity=kind, c=c)
    found = hold(rules, column, groups, int(groups.max()) + 1)
    for group, fine in enumerate(found):
        assert fine == oracle.diverse([str(code) for code in column.codes[groups == group]], rules)


def test_the_papers_salaries_are_as_far_as_it_says() -> None:
    # Li, Li, Venkatasubramanian 2007, section 4: 3k to 11k; {3k, 4k, 5k} is 0.375 away, {6k, 8k, 11k} 0.167.
    column = Sensitive("salary", np.arange(9), np.arange(9), tuple(map(str, range(3, 12))), ordered=True)
    for group, expected in (([0, 1, 2], 0.375), ([3, 5, 8], 0.1667)):
        groups = np.where(np.isin(np.arange(9), group), 0, -1)
        (counts,) = column.counted(groups, 1)
        assert counts.distances(column.everybody[0], ordered=True)[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"k": 1}, "k is 1"),
        ({"k": 2, "l": 0}, "l is 0"),
        ({"k": 2, "c": 0.0}, "c is 0"),
        ({"k": 2, "c": math.nan}, "c is nan"),
        ({"k": 2, "t": 1.5}, "t is 1.5"),
        ({"k": 2, "t": math.nan}, "t is nan"),
        ({"k": 2, "suppress": 1.0}, "the share to suppress is 1.0"),
    ],
)
def test_rules_that_ask_for_nothing_are_refused(given_: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Rules(**given_)
