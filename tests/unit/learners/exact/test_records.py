from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.subject import SubjectId
from expunge.errors import CannotForgetError, InputError, SubjectIdError, UnknownSubjectError
from expunge.learners.encoding.columns import Cells
from expunge.learners.exact import records as records_module
from expunge.learners.exact.records import Records

IDS = st.lists(st.one_of(st.integers(-3, 3), st.sampled_from(["-1", "a", "é", "\U0001f600"])), min_size=1, max_size=20)


def _cells(n_rows: int) -> Cells:
    return Cells(np.arange(float(n_rows)).reshape(-1, 1), np.empty((n_rows, 0), np.int32), ())


def _owners(records: Records) -> list[tuple[float, SubjectId]]:
    found = []
    for i, subject in enumerate(records.subjects):
        rows = range(records.starts[i], records.starts[i + 1])
        found += [(float(records.cells.numbers[row, 0]), subject) for row in rows]
    return sorted(found, key=lambda pair: pair[0])


@given(IDS)
def test_every_row_keeps_its_subject(ids: list[SubjectId]) -> None:
    records = Records.of(ids, _cells(len(ids)))
    assert _owners(records) == [(float(row), subject) for row, subject in enumerate(ids)]
    assert list(records.subjects) == sorted(
        set(ids), key=lambda s: (isinstance(s, str), s if isinstance(s, int) else 0, str(s).encode())
    )


@given(IDS, st.data())
def test_exactly_the_named_leave(ids: list[SubjectId], data: st.DataObject) -> None:
    records = Records.of(ids, _cells(len(ids)))
    leaving = data.draw(st.lists(st.sampled_from(ids), unique=True))
    theirs = records.places_of(leaving)
    rest = [(float(row), subject) for row, subject in enumerate(ids) if subject not in leaving]
    if not rest:
        with pytest.raises(CannotForgetError):
            records.without(theirs)
        return
    assert _owners(records.without(theirs)) == rest
    assert _owners(records) == [(float(row), subject) for row, subject in enumerate(ids)]


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 1.0, np.nan])), min_size=1), st.randoms())
def test_canonical_records_do_not_tell_the_order_of_rows(rows: list[tuple[int, float]], random: Any) -> None:
    def canonical(pairs: list[tuple[int, float]]) -> bytes:
        numbers = np.array([[number] for _, number in pairs])
        cells = Cells(numbers, np.empty((len(pairs), 0), np.int32), ())
        records = Records.of([subject for subject, _ in pairs], cells).canonical()
        return bytes(records.cells.numbers.tobytes() + records.starts.tobytes())

    assert canonical(rows) == canonical(random.sample(rows, len(rows)))


@pytest.mark.parametrize(
    "ids",
    [
        [3, 1, 3],
        np.array([3, 1, 3], dtype=np.int16),
        np.array([3, 1, 3], dtype=np.uint64),
        np.array([3, 1, 3], dtype=object),
        pd.Series([3, 1, 3], index=[9, 8, 7]),
        pd.Series([3, 1, 3], dtype="Int64"),
        pd.Index([3, 1, 3]),
    ],
    ids=lambda ids: type(ids).__name__,
)
def test_ids_come_in_any_container(ids: Any) -> None:
    records = Records.of(ids, _cells(3))
    assert records.subjects == (1, 3)
    assert all(type(subject) is int for subject in records.subjects)


@pytest.mark.parametrize("ids", [["b", "a"], np.array(["b", "a"]), pd.Series(["b", "a"]), pd.Categorical(["b", "a"])])
def test_text_ids_come_in_any_container(ids: Any) -> None:
    records = Records.of(ids, _cells(2))
    assert records.subjects == ("a", "b")
    assert all(type(subject) is str for subject in records.subjects)


@pytest.mark.parametrize(
    "ids",
    [
        [1.0, 2.0],
        [True, False],
        ["a", ""],
        [None, 1],
        np.array([1.5, 2.0]),
        np.array([True, False]),
        [b"a", b"b"],
        np.array([2**63, 1], dtype=np.uint64),
    ],
)
def test_what_is_no_id_is_refused(ids: Any) -> None:
    with pytest.raises(SubjectIdError):
        Records.of(ids, _cells(2))


@pytest.mark.parametrize("ids", [[1], [1, 2, 3], "ab", np.array([[1], [2]])])
def test_there_must_be_one_id_per_row(ids: Any) -> None:
    with pytest.raises(InputError):
        Records.of(ids, _cells(2))


def test_seven_is_not_the_text_7() -> None:
    records = Records.of([7, "7"], _cells(2))
    cells, rows = records.rows_at(records.places_of([7]))
    assert (cells.numbers.tolist(), rows.tolist()) == ([[0.0]], [0])
    with pytest.raises(UnknownSubjectError, match=r"8 \(and 1 more\)"):
        records.places_of([7, 8, "8"])


def _worded(n_rows: int) -> Cells:
    words = tuple(f"s:{number:03}" for number in range(n_rows // 2))
    codes = (np.arange(n_rows, dtype=np.int32) % len(words)).reshape(-1, 1)
    return Cells(np.arange(float(n_rows)).reshape(-1, 1), codes, (words,))


@given(st.integers(2, 40), st.integers(1, 7), st.data())
def test_leaving_in_any_order_and_layout_gives_the_same_records(n: int, block: int, data: st.DataObject) -> None:
    cells = _worded(2 * n)
    ids = list(range(n)) * 2
    leaving = data.draw(st.lists(st.integers(0, n - 1), unique=True, max_size=n - 1))
    stays = np.array([one not in leaving for one in ids])
    fresh = Records.of([one for one in ids if one not in leaving], cells.take(stays))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records_module, "BLOCK", block)
        together = Records.of(ids, cells)
        one_by_one = together
    together = together.without(together.places_of(leaving))
    for one in leaving:
        one_by_one = one_by_one.without(one_by_one.places_of([one]))
    for found in (together, one_by_one):
        assert (found.subjects, found.words, len(found)) == (fresh.subjects, fresh.words, len(fresh))
        assert np.array_equal(found.starts, fresh.starts)
        assert np.array_equal(found.cells.numbers, fresh.cells.numbers)
        assert np.array_equal(found.cells.codes, fresh.cells.codes)
        assert [own.tolist() for own in found.holders] == [own.tolist() for own in fresh.holders]


def test_blocks_that_nobody_leaves_are_shared_and_rows_keep_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records_module, "BLOCK", 3)
    records = Records.of([5, 1, 9, 7, 1, 3, 11], _cells(7))
    kept = records.without(records.places_of([1, 3]))
    assert [block.subjects for block in kept.blocks] == [(5,), (7, 9, 11)]
    assert kept.blocks[1] is records.blocks[1]
    assert kept.rows.tolist() == [3, 4, 5, 6]
    cells, rows = records.rows_at(records.places_of([9, 1]))
    assert (cells.numbers[:, 0].tolist(), rows.tolist()) == ([1.0, 4.0, 2.0], [0, 1, 5])
