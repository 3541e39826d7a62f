"""Pictures of results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from expunge.bench import plots, rivals


def test_equal_results_give_equal_bytes_and_no_date(results: dict[str, Any], tmp_path: Path) -> None:
    first, second = plots.draw(results, tmp_path / "a"), plots.draw(results, tmp_path / "b")
    assert [file.stem for file in first] == list(plots.PICTURES)
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
        assert b"date" not in one.read_bytes()


@pytest.mark.parametrize(("part", "gone"), [("growth", {"growth"}), ("forgetting", {"standing", "batches"})])
def test_only_what_was_measured_is_drawn(part: str, gone: set[str], results: dict[str, Any]) -> None:
    del results[part]
    assert set(plots.drawable(results)) == plots.PICTURES.keys() - gone


def test_each_of_ours_has_a_look() -> None:
    assert len(rivals.ALL) <= len(plots.OWN)


def test_no_two_share_a_colour_or_a_marker() -> None:
    colours, markers = zip(*plots.OWN, strict=True)
    assert len(set(colours)) == len(plots.OWN)
    assert len({*markers, *plots.OTHERS}) == len(markers) + len(plots.OTHERS)
