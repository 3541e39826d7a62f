"""Hyperparameters within their bounds."""

from __future__ import annotations

import math
from numbers import Integral, Real

from expunge.errors import InputError


def positive(name: str, value: object) -> float:
    """Return a hyperparameter that must be a finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value) or value <= 0:
        raise InputError(f"{name}={value!r} is not a finite number above 0.", mend="Give one, such as 1.0.")
    return float(value)


def at_least(name: str, value: object, least: int) -> int:
    """Return a hyperparameter that must be an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise InputError(f"{name}={value!r} is not an integer of at least {least}.", mend=f"Give {least} or more.")
    return int(value)
