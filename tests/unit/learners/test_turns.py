"""Turns: what comes out of a row is of that row alone, and what is written is read back, bit for bit."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.domain.digest import canonical_json
from expunge.errors import InputError
from expunge.learners.encoding.columns import Cells, raw_columns, read_cells
from expunge.learners.exact import (
    PCA,
    ColumnTransformer,
    OneHotEncoder,
    QuantileBinner,
    SimpleImputer,
    StandardScaler,
    TableEncoder,
)
from expunge.learners.exact.transformer import kinds_of
from expunge.learners.people import People, random_people
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.turns import TURNS, Place, Places, Turn, arrays_of, columns_of, facts_of, turns_from

TRANSFORMERS: list[Any] = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    QuantileBinner(3),
    SimpleImputer("median"),
    SimpleImputer("most_frequent"),
    SimpleImputer("constant", "none"),
    OneHotEncoder(),
    OneHotEncoder("first"),
    TableEncoder("scaled"),
    TableEncoder("bins", 6),
    PCA(2, whiten=True),
    ColumnTransformer(
        [
            ("sides", ColumnTransformer([("scale", StandardScaler(), [0])], "passthrough"), [3, 1]),
            ("fill", SimpleImputer(), [0, 1]),
            ("bin", QuantileBinner(2), [2]),
        ],
        "passthrough",
    ),
]


def learned(transformer: Any, seed: int) -> tuple[Any, Turn, Cells]:
    """Return a fitted transformer, its turn, and the cells of other people, some with words that it never saw."""
    people, others = (random_people(seed + more, None, text_ids=False, declared=False) for more in (0, 1))
    own = transformer.fit(people.X, subjects=people.ids)
    return own, own._turn(own.state_), cells_of(own, others)


def cells_of(own: Any, people: People) -> Cells:
    raw = raw_columns(people.X, [feature.name for feature in own.state_.features])
    return read_cells(own.state_.features, raw.arrays)


def spelled(cells: Cells) -> list[Any]:
    """Every cell as it reads."""
    words = [
        [None if code < 0 else known[code] for code in own]
        for own, known in zip(cells.codes.T, cells.words, strict=True)
    ]
    return [repr(cells.numbers.tolist()), words]


def test_every_turn_is_tried() -> None:
    turns = [learned(own, 0)[1] for own in TRANSFORMERS]
    assert {turn.name for turn in turns} == TURNS.keys()
    assert all(TURNS[turn.name] is type(turn) for turn in turns)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), transformer=st.sampled_from(TRANSFORMERS), data=st.data())
def test_what_comes_out_of_a_row_is_of_that_row_alone(seed: int, transformer: Any, data: st.DataObject) -> None:
    _, turn, cells = learned(transformer, seed)
    rows = np.array(data.draw(st.lists(st.integers(0, len(cells) - 1), min_size=1)), np.intp)
    some, whole = turn.turned(cells.take(rows)), turn.turned(cells).take(rows)
    if isinstance(transformer, PCA):  # a product of other shape may have other last bits
        np.testing.assert_allclose(some.numbers, whole.numbers, atol=1e-12)
    else:
        assert spelled(some) == spelled(whole)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), transformer=st.sampled_from(TRANSFORMERS))
def test_what_is_written_is_read_back_and_turns_alike(seed: int, transformer: Any) -> None:
    own, turn, cells = learned(transformer, seed)
    arrays, facts = to_npz(arrays_of([turn])), canonical_json(facts_of([turn]))
    (again,) = turns_from(json.loads(facts), from_npz(arrays, tuple(arrays_of([turn]))))
    assert (canonical_json(facts_of([again])), to_npz(arrays_of([again]))) == (facts, arrays)
    assert spelled(again.turned(cells)) == spelled(turn.turned(cells)) == spelled(own._turned(own.state_, cells))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), transformer=st.sampled_from(TRANSFORMERS))
def test_the_kinds_of_what_comes_out_are_known_before(seed: int, transformer: Any) -> None:
    own, turn, cells = learned(transformer, seed)
    kinds, out = turn.after(kinds_of(own.state_.features)), turn.turned(cells)
    assert kinds == kinds_of(own._outputs(own.state_))
    assert [words is None for _, words in columns_of(kinds, out)] == list(kinds)
    assert (sum(kinds), len(kinds)) == (out.numbers.shape[1], out.numbers.shape[1] + out.codes.shape[1])
    for wrong in (kinds_of(own.state_.features)[1:], (), (False,) * 9):
        with pytest.raises(ValueError, match=r"columns|number of means"):
            turn.after(wrong)


def test_a_strict_turn_refuses_a_word_without_a_place_when_it_is_served() -> None:
    cells = Cells(np.empty((2, 0)), np.array([[0], [1]], np.int32), (("s:a", "s:new"),))
    turn = Places((Place("ward", ("s:a",)),), strict=True)
    with pytest.raises(InputError, match=r"'ward', row 2: 'new' was not learned"):
        turn.turned(cells)
