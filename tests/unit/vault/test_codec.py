"""Rows come back bit for bit, and nothing else is taken for rows."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.subject import SubjectId
from expunge.errors import CorruptedError
from expunge.vault.codec import Cell, Layout, Rows, decode, encode

IDS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.text(min_size=1, max_size=6))
TEXTS = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.sampled_from(["", "a\0b", "seven77", "eight888", "naïveté", "😀😀", "同", "\0" * 9]),
)
BITS = st.one_of(
    st.floats(width=64).map(lambda number: int.from_bytes(struct.pack("<d", number), "little")),
    st.sampled_from([0x7FF8000000000001, 0xFFF8000000000ABC, 0x7FF0000000000001, 0x8000000000000000]),
)


@st.composite
def tables(draw: st.DrawFn, *, min_rows: int = 0, min_columns: int = 0) -> tuple[Layout, Rows]:
    cells: list[Cell] = draw(st.lists(st.sampled_from(["number", "text"]), min_size=min_columns, max_size=4))
    layout = tuple((f"c{index}", cell) for index, cell in enumerate(cells))
    owners: list[SubjectId] = draw(st.lists(IDS, min_size=1, max_size=4, unique_by=lambda one: (type(one), one)))
    subjects = draw(st.lists(st.sampled_from(owners), min_size=min_rows, max_size=8))
    columns: dict[str, Any] = {}
    for name, cell in layout:
        if cell == "number":
            bits = draw(st.lists(BITS, min_size=len(subjects), max_size=len(subjects)))
            columns[name] = np.array(bits, dtype="<u8").view("<f8")
        else:
            values = np.empty(len(subjects), dtype=object)
            values[:] = draw(st.lists(TEXTS, min_size=len(subjects), max_size=len(subjects)))
            columns[name] = values
    return layout, Rows(subjects, columns)


def same(column: Any) -> Any:
    """Numbers by their bits, so that NaN equals NaN and -0 is not 0."""
    return column.view("<u8").tolist() if column.dtype.kind == "f" else column.tolist()


@given(tables())
def test_rows_come_back_as_they_were(table: tuple[Layout, Rows]) -> None:
    layout, rows = table
    pieces = list(encode(layout, rows.subjects, rows.columns))
    back = decode(layout, [plaintext for _, _, plaintext in pieces])
    order = sorted(range(len(rows.subjects)), key=lambda row: rows.subjects.index(rows.subjects[row]))
    assert [(type(one), one) for one in back.subjects] == [
        (type(rows.subjects[row]), rows.subjects[row]) for row in order
    ]
    assert {name: same(column) for name, column in back.columns.items()} == {
        name: same(column[order]) for name, column in rows.columns.items()
    }
    assert sum(count for _, count, _ in pieces) == len(rows.subjects)


@given(tables(min_rows=1))
def test_a_subjects_plaintext_depends_on_that_subject_alone(table: tuple[Layout, Rows]) -> None:
    layout, rows = table
    together = {owner: plaintext for owner, _, plaintext in encode(layout, rows.subjects, rows.columns)}
    for owner, plaintext in together.items():
        own = [row for row, subject in enumerate(rows.subjects) if subject == owner]
        alone = {name: column[own] for name, column in rows.columns.items()}
        assert list(encode(layout, [owner] * len(own), alone)) == [(owner, len(own), plaintext)]


@given(tables(min_rows=1, min_columns=1), st.data())
def test_a_changed_plaintext_is_refused_or_reads_as_other_rows(table: tuple[Layout, Rows], data: st.DataObject) -> None:
    layout, rows = table
    plaintexts = [plaintext for _, _, plaintext in encode(layout, rows.subjects, rows.columns)]
    which = data.draw(st.integers(0, len(plaintexts) - 1))
    changed = bytearray(plaintexts[which])
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = decode(layout, [*plaintexts[:which], bytes(changed), *plaintexts[which + 1 :]])
    except CorruptedError:
        return
    again = [plaintext for _, _, plaintext in encode(layout, found.subjects, found.columns)]
    if len(again) == len(plaintexts):  # else two pieces now name one person
        assert again == [*plaintexts[:which], bytes(changed), *plaintexts[which + 1 :]]


@given(tables(min_rows=1, min_columns=1), st.data())
def test_a_cut_or_lengthened_plaintext_is_refused(table: tuple[Layout, Rows], data: st.DataObject) -> None:
    layout, rows = table
    plaintexts = [plaintext for _, _, plaintext in encode(layout, rows.subjects, rows.columns)]
    which = data.draw(st.integers(0, len(plaintexts) - 1))
    whole = plaintexts[which]
    cut = data.draw(st.integers(0, len(whole) - 1))
    for wrong in (whole[:cut], whole + whole[cut:]):
        with pytest.raises(CorruptedError):
            decode(layout, [*plaintexts[:which], wrong, *plaintexts[which + 1 :]])


@given(st.binary(max_size=80), tables(min_columns=1))
def test_noise_is_refused(noise: bytes, table: tuple[Layout, Rows]) -> None:
    with pytest.raises(CorruptedError):
        decode(table[0], [noise])


HEADER = struct.Struct("<IIII")
NAME = b"i7".ljust(8, b"\0")


def padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 8)


def short(content: bytes) -> bytes:
    """A text cell of up to seven bytes."""
    return content.ljust(7, b"\0") + bytes([len(content)])


def long(length: int) -> bytes:
    """A text cell that points to the heap."""
    return struct.pack("<Q", length | 8 << 56)


def test_a_plaintext_is_spelled_as_described() -> None:
    columns = {"n": np.array([1.5]), "a": np.array(["north"], object), "b": np.array(["a longer text"], object)}
    ((_, _, plaintext),) = encode((("n", "number"), ("a", "text"), ("b", "text")), [7], columns)
    cells = struct.pack("<d", 1.5) + short(b"north") + long(13)
    assert plaintext == HEADER.pack(1, 3, 2, 13) + NAME + cells + padded(b"a longer text")


@pytest.mark.parametrize(
    "plaintext",
    [
        HEADER.pack(1, 1, 2, 0) + NAME + short(b"\xc3\x28"),
        HEADER.pack(1, 1, 2, 9) + NAME + long(9) + padded(b"not UTF-\xff"[:9]),
        HEADER.pack(1, 1, 2, 8) + NAME + long(9) + b"one less",
        HEADER.pack(1, 1, 2, 8) + NAME + short(b"short") + b"no one's",
        HEADER.pack(1, 1, 2, 16) + NAME + long(8) + b"somebodynobody's",
        HEADER.pack(1, 1, 2, 9) + NAME + long(9) + b"two words\0\0\0\0\0\0x",
        HEADER.pack(1, 1, 2, 7) + NAME + long(7) + b"inlined\0",
        HEADER.pack(1, 1, 2, 0) + NAME + long(0),
        HEADER.pack(1, 1, 2, 0) + NAME + b"ab\0x\0\0\0\x02",
        HEADER.pack(1, 1, 2, 0) + NAME + b"\0x\0\0\0\0\0\x09",
        HEADER.pack(1, 1, 2, 0) + NAME + b"\0\0\0\0\0\0\0\x0a",
        HEADER.pack(1, 1, 2, 0) + NAME + long(2**32),
        HEADER.pack(1, 1, 2, 0) + NAME + short(b"") + b"\0" * 8,
        HEADER.pack(1, 1, 2, 0) + b"i7".ljust(8, b"x") + short(b""),
        HEADER.pack(1, 1, 3, 0) + b"i07".ljust(8, b"\0") + short(b""),
        HEADER.pack(1, 1, 2, 0) + b"ix".ljust(8, b"\0") + short(b""),
        HEADER.pack(1, 1, 20, 0) + b"i9223372036854775808".ljust(24, b"\0") + short(b""),
        HEADER.pack(1, 1, 2, 0) + b"f7".ljust(8, b"\0") + short(b""),
        HEADER.pack(1, 1, 2, 0) + b"s\xff".ljust(8, b"\0") + short(b""),
        HEADER.pack(1, 1, 1, 0) + b"s".ljust(8, b"\0") + short(b""),
        HEADER.pack(0, 1, 2, 0) + NAME,
        HEADER.pack(1, 2, 2, 0) + NAME + short(b"") * 2,
    ],
    ids=[
        "invalid UTF-8",
        "invalid UTF-8 in the heap",
        "beyond the heap",
        "a heap of nobody",
        "bytes behind",
        "padding of the heap",
        "a short text in the heap",
        "an empty text in the heap",
        "padding of a cell",
        "padding of a missing one",
        "no such kind of cell",
        "longer than any",
        "a word behind",
        "padding",
        "007",
        "no number",
        "beyond 64 bits",
        "no such type of id",
        "id not UTF-8",
        "no id",
        "no rows",
        "another width",
    ],
)
def test_what_encode_never_makes_is_refused(plaintext: bytes) -> None:
    with pytest.raises(CorruptedError, match="layout"):
        decode((("note", "text"),), [plaintext])


def test_one_subjects_text_cannot_reach_into_anothers_heap() -> None:
    first = HEADER.pack(1, 1, 2, 8) + NAME + long(16) + b"all mine"
    second = HEADER.pack(1, 1, 2, 8) + b"i8".ljust(8, b"\0") + short(b"") + b"a secret"
    with pytest.raises(CorruptedError):
        decode((("note", "text"),), [first, second])
