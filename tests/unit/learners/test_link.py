"""How a score becomes a number: read only where it is sound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from expunge.errors import CorruptedError
from expunge.learners.served import Signature
from expunge.learners.served.link import Link, read_link

NUMBERS, CLASSES = Signature((), by_name=False, words=None), Signature((), by_name=False, words=("i:0", "i:1"))
SOUND: dict[str, Any] = Link("log", 0.0, 2.5).to_dict()


def test_what_was_written_is_read() -> None:
    assert read_link({"link": SOUND}, NUMBERS) == Link("log", 0.0, 2.5)
    assert read_link({}, CLASSES) is None


@pytest.mark.parametrize(("form", "expected"), [("identity", [3.0, 8.0]), ("log", [3.0 + 5.0, 3.0 + 5.0 * np.e])])
def test_a_link_is_linear_in_the_score_or_its_exponential(form: Any, expected: list[float]) -> None:
    assert Link(form, 3.0, 5.0).of(np.array([0.0, 1.0])) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("signature", "link"),
    [
        (CLASSES, SOUND),
        (NUMBERS, None),
        (NUMBERS, SOUND | {"form": "exp"}),
        (NUMBERS, SOUND | {"offset": "f:inf"}),
        (NUMBERS, SOUND | {"scale": "f:nan"}),
        (NUMBERS, SOUND | {"scale": "n:"}),
    ],
)
def test_a_link_that_is_none_is_refused(signature: Signature, link: Any) -> None:
    with pytest.raises((ValueError, CorruptedError)):
        read_link({"link": link}, signature)
