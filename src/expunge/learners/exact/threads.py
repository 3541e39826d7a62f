"""Work on several threads: kernels hold no lock while they run, and what is independent gives the same in any order."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral
from typing import Final, TypeVar

from expunge.errors import InputError

T = TypeVar("T")

FEW: Final = 32
"""To forget so few rows no thread is started: that takes longer."""


def workers(n_jobs: object) -> int:
    """Return how many threads there are to be: 1 for None, and all that the machine has for -1.

    Raises
    ------
    InputError
        For anything else but an integer of at least 1.

    Examples
    --------
    >>> workers(None), workers(3)
    (1, 3)
    """
    if n_jobs is None:
        return 1
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, Integral) or (n_jobs < 1 and n_jobs != -1):
        raise InputError(f"n_jobs={n_jobs!r} is no number of threads.", mend="Give 1 or more, -1 for all, or None.")
    return os.cpu_count() or 1 if n_jobs == -1 else int(n_jobs)


def in_threads(n_workers: int, works: Sequence[Callable[[], T]]) -> list[T]:
    """Do independent works, and return what each gave, in order; the first that failed raises."""
    if n_workers == 1 or len(works) == 1:
        return [work() for work in works]
    with ThreadPoolExecutor(n_workers) as pool:
        return [done.result() for done in [pool.submit(work) for work in works]]
