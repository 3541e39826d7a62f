"""SipHash-2-4 of whole words: the keyed pseudo-random function behind every random choice.

Aumasson and Bernstein, "SipHash: a fast short-input PRF", INDOCRYPT 2012. A choice is a hash of what it is about
(round, feature, edge, subject), never the next number of a stream: so it does not depend on who else is there.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge._kernels.compiled import inner, kernel

Word: TypeAlias = np.uint64
Words: TypeAlias = npt.NDArray[np.uint64]

_V0: Final = np.uint64(0x736F6D6570736575)
_V1: Final = np.uint64(0x646F72616E646F6D)
_V2: Final = np.uint64(0x6C7967656E657261)
_V3: Final = np.uint64(0x7465646279746573)
_END: Final = np.uint64(0xFF)


@inner
def _round(
    v0: np.uint64, v1: np.uint64, v2: np.uint64, v3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    v0 += v1
    v1 = (v1 << np.uint64(13)) | (v1 >> np.uint64(51))
    v1 ^= v0
    v0 = (v0 << np.uint64(32)) | (v0 >> np.uint64(32))
    v2 += v3
    v3 = (v3 << np.uint64(16)) | (v3 >> np.uint64(48))
    v3 ^= v2
    v0 += v3
    v3 = (v3 << np.uint64(21)) | (v3 >> np.uint64(43))
    v3 ^= v0
    v2 += v1
    v1 = (v1 << np.uint64(17)) | (v1 >> np.uint64(47))
    v1 ^= v2
    v2 = (v2 << np.uint64(32)) | (v2 >> np.uint64(32))
    return v0, v1, v2, v3


@kernel
def siphash(key: Words, words: Words) -> Word:
    """Return SipHash-2-4 of some 64-bit words, read as little-endian bytes.

    Parameters
    ----------
    key : ndarray of uint64 (2,)
    words : ndarray of uint64 (n_words,)
    """
    v0, v1, v2, v3 = key[0] ^ _V0, key[1] ^ _V1, key[0] ^ _V2, key[1] ^ _V3
    for word in words:
        v3 ^= word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
    last = np.uint64((8 * len(words)) & 0xFF) << np.uint64(56)
    v3 ^= last
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= last
    v2 ^= _END
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@kernel
def hash_each(key: Words, about: Words, values: Words) -> Words:
    """Return the hash of (*about, value) for each value: ndarray of uint64 (n_values,)."""
    words = np.empty(len(about) + 1, np.uint64)
    for place in range(len(about)):
        words[place] = about[place]
    found = np.empty(len(values), np.uint64)
    for place in range(len(values)):
        words[-1] = values[place]
        found[place] = siphash(key, words)
    return found
