"""What a state holds."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from expunge.bench.memory import held


def test_arrays_are_found_wherever_they_are() -> None:
    array = np.zeros(100, np.uint8)
    assert held(SimpleNamespace(a=[array], b={"c": np.zeros(3)})) == 124


def test_what_is_shared_counts_once_and_a_view_as_the_whole() -> None:
    array = np.zeros(100, np.uint8)
    assert held([array, array, array[:5]]) == 100
    assert held([array[:5]]) == 100


def test_a_circle_ends() -> None:
    ring = SimpleNamespace()
    ring.self = ring
    assert held(ring) == 0
