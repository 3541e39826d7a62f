"""What first and later fits take."""

from __future__ import annotations

from expunge.bench import starting
from expunge.bench.sizes import Size


def test_only_the_first_process_compiles() -> None:
    found = starting.measure(Size(started=1))
    assert found.keys() == {"boosting"}
    first, later = found["boosting"]["first"], found["boosting"]["later"]
    assert first["fit"] > 3 * later["fit"] > 0
    assert first["forget"] > later["forget"] > 0
