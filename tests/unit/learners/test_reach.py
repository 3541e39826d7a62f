from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from expunge.learners.reach import Needles, reachable

NEEDLES = Needles(texts=("needle-text",), integers=(1234567890123,), floats=(1234.56789,))


@dataclass(frozen=True)
class Slotted:
    __slots__ = ("inside",)
    inside: Any


def _closure(value: Any) -> Callable[[], Any]:
    return lambda: value


@pytest.mark.parametrize(
    "held",
    [
        "before needle-text after",
        b"..needle-text..",
        1234567890123,
        np.int64(1234567890123),
        1234.56789,
        {"deep": [({"x": {1234567890123}},)]},
        {1234.56789: None},
        np.array([1.0, 1234.56789]),
        np.array([[0.0, 1234.56789], [1.0, 2.0]], order="F")[:, ::-1],
        np.array([0.5, 1234.56789])[:1],
        np.array(["needle-text"]),
        np.array(["needle-text", 3], dtype=object),
        np.array([1234567890123]),
        pd.Series(["a", "needle-text"]),
        pd.DataFrame({"a": [1.0, 1234.56789]}),
        pd.Series(["needle-text", "b"], dtype="category").iloc[1:],
        Slotted([1234567890123]),
        _closure("needle-text"),
        ["needle-text"].index,
        pd.Series(["a", "needle-text", "b"]).iloc[:1],
        memoryview(np.array([1234.56789]).tobytes())[:0],
    ],
    ids=lambda held: type(held).__name__,
)
def test_a_needle_is_found_wherever_it_is_held(held: Any) -> None:
    assert len(reachable(Slotted({"held": held}), NEEDLES)) == 1


def test_nothing_is_found_where_nothing_is_held() -> None:
    clean = [
        np.arange(100.0),
        pd.DataFrame({"a": ["x"]}),
        "needle",
        1234567890124,
        True,
        np.random.default_rng,
        _closure(3),
    ]
    assert reachable(clean, NEEDLES) == set()


def test_cycles_end() -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert reachable(ring, NEEDLES) == set()
