"""What a state holds."""

from __future__ import annotations

from typing import Any

import numpy as np


def held(state: Any, seen: set[int] | None = None) -> int:
    """Return how many bytes of arrays a state holds, rows included; an array that several share counts once.

    Examples
    --------
    >>> array = np.zeros(10)
    >>> held({"a": array, "b": (array, array[2:])})
    80
    """
    seen = set() if seen is None else seen
    if id(state) in seen:
        return 0
    seen.add(id(state))
    if isinstance(state, np.ndarray):
        return state.nbytes if state.base is None else held(state.base, seen)
    parts = state if isinstance(state, tuple | list) else list(getattr(state, "__dict__", {}).values())
    parts = list(state.values()) if isinstance(state, dict) else parts
    return sum(held(part, seen) for part in parts)
