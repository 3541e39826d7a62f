"""The grid that coefficients are rounded to: steps of 2**-16, and for each coefficient an offset that the key draws.

A coefficient is ``(k + offset) / 2**16`` with a whole k; offsets are odd multiples of 2**-64. So nobody who lacks the
key can place an optimum near the middle between two points, and nought, where coefficients lie that no row speaks of,
is never exactly there: the middles are at ``k + offset + 1/2``, and no odd multiple of 2**-64 is a half.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from expunge._kernels.optima import U

STEPS: Final = 16
"""A step is 2**-16."""
_BITS: Final = 64
_SAFE: Final = 2.0**40
"""Steps beyond which float64 does not tell where between two points a coefficient is."""

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Lattice(NamedTuple):
    """Points that coefficients are rounded to.

    Parameters
    ----------
    offsets : ndarray of uint64 (n_coefficients,)
        In units of 2**-64; odd.
    """

    offsets: npt.NDArray[np.uint64]

    @classmethod
    def drawn(cls, key: bytes, about: Sequence[bytes]) -> Lattice:
        """Draw the offset of each coefficient by what it is about."""
        hashed = (blake2b(one, key=key, digest_size=8, person=b"expunge lattice").digest() for one in about)
        return cls(np.frombuffer(b"".join(hashed), "<u8").astype(np.uint64) | np.uint64(1))

    def points(self, integers: Integers) -> Floats:
        """Return coefficients."""
        return np.asarray((integers + self._shares) * 2.0**-STEPS)

    def nearest(self, weights: Floats, radius: float) -> Integers | None:
        """Round optima that are within `radius` of `weights`; None where that may not be told."""
        steps = weights * 2.0**STEPS - self._shares
        whole = np.rint(steps)
        room = 0.5 - np.abs(steps - whole) - 8 * U * (np.abs(steps) + 1)
        told = bool((room > radius * 2.0**STEPS).all()) and bool((np.abs(steps) < _SAFE).all())
        return whole.astype(np.int64) if told else None

    def nearest_exactly(self, weights: Sequence[int], bits: int, radius: int) -> Integers | None:
        """Do the same in integers: `weights` and `radius` in units of 2**-bits."""
        unit, found = 1 << (bits + _BITS), []
        for weight, offset in zip(weights, self.offsets.tolist(), strict=True):
            steps, over = divmod((weight << (STEPS + _BITS)) - (offset << bits) + unit // 2, unit)
            if not (radius << (STEPS + _BITS)) < min(over, unit - over):
                return None
            found.append(steps)
        return np.array(found, np.int64)

    @property
    def _shares(self) -> Any:
        return self.offsets * 2.0**-_BITS
