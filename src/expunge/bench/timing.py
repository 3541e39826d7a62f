"""Time, of one thread: what the processor spent, so that whatever else runs on a machine matters less."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

CLOCK: Final = "processor"
"""As results name it; those of before are wall time."""


def timed(work: Callable[..., Any], *given: Any, **named: Any) -> tuple[Any, float]:
    """Call something; return what it returned, and its processor time in seconds."""
    begin = time.process_time()
    found = work(*given, **named)
    return found, time.process_time() - begin


def seconds(work: Callable[..., Any], *given: Any, **named: Any) -> float:
    """Return the processor time of one call."""
    return timed(work, *given, **named)[1]


def spread(times: Sequence[float]) -> dict[str, float]:
    """Return mean, median, p99 and maximum.

    Examples
    --------
    >>> spread([1.0, 2.0, 6.0])["mean"]
    3.0
    """
    p50, p99 = np.percentile(times, [50, 99]).tolist()
    return {"mean": float(np.mean(times)), "median": p50, "p99": p99, "max": max(times)}


def shown(times: Sequence[float]) -> list[float]:
    """Return times to a tenth of a microsecond, to be kept."""
    return [round(one, 7) for one in times]
