"""SipHash-2-4: the published vectors, and a twin in Python's integers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge._kernels.siphash import hash_each, siphash

M = 2**64 - 1
WORD = st.integers(0, M)


def _rotated(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & M


def twin(key: tuple[int, int], words: list[int]) -> int:
    """As the paper writes it down (section 2)."""
    v = [
        key[0] ^ 0x736F6D6570736575,
        key[1] ^ 0x646F72616E646F6D,
        key[0] ^ 0x6C7967656E657261,
        key[1] ^ 0x7465646279746573,
    ]

    def sipround() -> None:
        v[0] = (v[0] + v[1]) & M
        v[2] = (v[2] + v[3]) & M
        v[1] = _rotated(v[1], 13) ^ v[0]
        v[3] = _rotated(v[3], 16) ^ v[2]
        v[0] = _rotated(v[0], 32)
        v[2] = (v[2] + v[1]) & M
        v[0] = (v[0] + v[3]) & M
        v[1] = _rotated(v[1], 17) ^ v[2]
        v[3] = _rotated(v[3], 21) ^ v[0]
        v[2] = _rotated(v[2], 32)

    for word in [*words, (8 * len(words) % 256) << 56]:
        v[3] ^= word
        sipround()
        sipround()
        v[0] ^= word
    v[2] ^= 0xFF
    for _ in range(4):
        sipround()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _array(words: list[int]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.array(words, np.uint64)


@pytest.mark.parametrize(("length", "expected"), [(0, "310e0edd47db6f72"), (8, "6224939a79f5f593")])
def test_it_gives_the_vectors_of_the_reference(length: int, expected: str) -> None:
    key = np.frombuffer(bytes(range(16)), "<u8").astype(np.uint64)
    message = np.frombuffer(bytes(range(length)), "<u8").astype(np.uint64)
    assert int(siphash(key, message)).to_bytes(8, "little").hex() == expected


@settings(deadline=None)
@given(st.tuples(WORD, WORD), st.lists(WORD, max_size=40))
def test_it_is_what_the_paper_says(key: tuple[int, int], words: list[int]) -> None:
    assert int(siphash(_array(list(key)), _array(words))) == twin(key, words)


@settings(deadline=None)
@given(st.tuples(WORD, WORD), st.lists(WORD, max_size=3), st.lists(WORD, max_size=9))
def test_each_value_is_hashed_for_itself(key: tuple[int, int], about: list[int], values: list[int]) -> None:
    found = hash_each(_array(list(key)), _array(about), _array(values)).tolist()
    assert found == [twin(key, [*about, value]) for value in values]
