"""Many strings in one pass: what is found is what a search for each would find."""

from __future__ import annotations

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.errors import InputError
from expunge.verification import literals as module
from expunge.verification.literals import ANCHOR, FEW, Literals

FILLER = [b"filler %d" % number for number in range(FEW + 1)]
LETTERS = st.binary(min_size=1, max_size=1).map(lambda one: bytes([97 + one[0] % 3]))
WORDS = st.lists(LETTERS, min_size=ANCHOR, max_size=9).map(b"".join)
CONTENTS = st.lists(LETTERS, max_size=200).map(b"".join)


@given(st.sets(WORDS, max_size=40), CONTENTS)
def test_it_finds_what_a_search_for_each_finds(words: set[bytes], content: bytes) -> None:
    """Few letters: many strings share their ends, overlap and contain each other."""
    expected = {word for word in words if word in content}
    assert Literals(words).within(content) == expected
    assert Literals({*words, *FILLER}).within(content) == expected


@given(st.binary(min_size=ANCHOR, max_size=12), st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_are_found_between_any_bytes(word: bytes, before: bytes, after: bytes) -> None:
    assert word in Literals([word, *FILLER]).within(before + word + after)


@pytest.mark.parametrize("shift", range(-12, 13))
def test_a_string_across_the_border_of_two_chunks_is_found(shift: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", 64)
    content = bytearray(200)
    content[64 + shift : 64 + shift + 9] = b"Anna Berg"
    assert Literals([b"Anna Berg", *FILLER]).within(bytes(content)) == {b"Anna Berg"}


def test_an_anchor_that_stands_everywhere_hides_nothing() -> None:
    content = b"no 1234, " * 1000
    words = Literals([b"yes 1234", b"is 1234", *FILLER])
    assert words.within(content) == set()
    assert words.within(content + b"yes 1234") == {b"yes 1234"}


def test_thousands_are_told_apart() -> None:
    words = [secrets.token_hex(16).encode() for _ in range(3000)]
    content = b"\xff".join(words[::2])
    assert Literals(words).within(content) == set(words[::2])


def test_nothing_is_in_nothing() -> None:
    assert Literals([]).within(b"anything") == set()
    assert Literals(FILLER).within(b"") == set()
    assert Literals(FILLER).within(b"fil") == set()


def test_a_string_that_is_too_short_is_refused() -> None:
    with pytest.raises(InputError, match="fewer than 4 bytes"):
        Literals([b"abc"])
