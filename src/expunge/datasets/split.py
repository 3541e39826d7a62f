"""Holding people out: who is in the held-out set is a keyed hash of who they are.

Invariants
----------
- Whether somebody is held out depends on the secret, their id and the share alone; never on who else is there.
- Raising the share only adds people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from expunge.domain.subject import SubjectId, subject_bytes, subject_id
from expunge.errors import InputError

_PERSON: Final = b"expunge held-out"  # 16 bytes, BLAKE2b's personalisation (RFC 7693 section 2.5): no other hash's
_SECRET_BYTES: Final = 32


def held_out(subjects: Iterable[SubjectId], secret: bytes, share: float) -> npt.NDArray[np.bool_]:
    """Say for every row whether its subject is held out.

    Parameters
    ----------
    subjects : iterable of n ids
        One per row, or one per person: each is judged alone.
    secret : bytes
        32 bytes; whoever knows them knows who is held out.
    share : float
        Expected share of people held out, from 0 to 1.

    Returns
    -------
    ndarray of bool, (n,)

    Raises
    ------
    InputError
        Where the secret has another length, or the share is not in 0..1.

    Notes
    -----
    The first 64 bits of keyed BLAKE2b over the typed id, compared with the share times 2**64. Multiplying by a power
    of two is exact in float64, so the threshold is the same integer on every machine.

    Examples
    --------
    >>> held_out([7, 8, 7, "7"], bytes(32), 0.5).tolist()
    [True, False, True, False]
    """
    if len(secret) != _SECRET_BYTES:
        raise InputError(f"the split's secret has {len(secret)} bytes.", mend=f"Give {_SECRET_BYTES} random bytes.")
    if not 0 <= share <= 1:
        raise InputError(f"the held-out share {share!r} is not in 0..1.", mend="Give a share such as 0.2.")
    threshold = int(share * 2**64)
    known: dict[tuple[type, object], bool] = {}
    chosen = []
    for subject in subjects:
        one = (type(subject), subject)
        if one not in known:
            known[one] = _place(subject_id(subject), secret) < threshold
        chosen.append(known[one])
    return np.array(chosen, dtype=np.bool_)


def _place(subject: SubjectId, secret: bytes) -> int:
    digest = hashlib.blake2b(subject_bytes(subject), digest_size=8, key=secret, person=_PERSON)
    return int.from_bytes(digest.digest(), "big")
