"""Hyperparameters of methods: dataclass fields with bounds."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def bounded(default: float, low: float, high: float) -> Any:
    """Return a field whose value must lie within bounds, both included."""
    return field(default=default, metadata={"bounds": (low, high)})


def rate(default: float) -> Any:
    """Return a field for a learning rate."""
    return bounded(default, 1e-8, 10.0)


def rounds(default: int) -> Any:
    """Return a field for a number of epochs."""
    return bounded(default, 1, 1000)


def share(default: float) -> Any:
    """Return a field for a share."""
    return bounded(default, 0.0, 1.0)
