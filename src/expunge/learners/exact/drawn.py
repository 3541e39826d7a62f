"""Who is drawn: by keyed hashes of people, so that nobody's draw depends on who else is there."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from expunge._kernels.siphash import Words as Keys
from expunge._kernels.siphash import hash_each
from expunge.domain.subject import subject_bytes
from expunge.learners.exact.records import Records


def ids_of(records: Records) -> Keys:
    """Return a number for each subject that no other subject changes: ndarray of uint64 (n_subjects,)."""
    ids = [int.from_bytes(blake2b(subject_bytes(one), digest_size=8).digest(), "little") for one in records.subjects]
    return np.array(ids, np.uint64)


def drawn_apart(records: Records, key: Keys, share: float) -> npt.NDArray[np.uint8]:
    """Tell who judges, a share of the people: 1 for their rows, ndarray of uint8 (n_rows,)."""
    drawn = hash_each(key, np.zeros(1, np.uint64), ids_of(records)) >> np.uint64(32)
    return np.repeat(drawn < np.uint64(int(share * 2**32)), records.counts).astype(np.uint8)
