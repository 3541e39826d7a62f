"""Results as tables."""

from __future__ import annotations

from typing import Any

import pytest

from expunge.bench import tables
from expunge.bench.results import PARTS


def test_every_part_has_a_table() -> None:
    assert tuple(tables.PARTS) == PARTS


@pytest.mark.parametrize("part", PARTS)
def test_a_table_has_as_many_cells_in_each_line(part: str, results: dict[str, Any]) -> None:
    lines = tables.PARTS[part](results[part]["found"]).splitlines()
    assert {line.count("|") for line in lines} == {lines[0].count("|")}
    assert len(lines) > 3


def test_a_learner_that_is_new_is_in_every_table(results: dict[str, Any]) -> None:
    found = results["forgetting"]["found"]
    for own in found.values():
        own["boosting, staged"] = own["boosting"]
    assert "| `boosting, staged`: forgetting 10 at once, over its own refit | 0.05x | 0.05x |" in tables.forgetting(
        found
    )


def test_a_state_unlike_a_refit_is_shouted(results: dict[str, Any]) -> None:
    found = results["forgetting"]["found"]
    found["adult"]["forest"]["equal_to_a_refit"] = False
    assert "| `forest`: after all of that equal to a refit | NO | yes |" in tables.forgetting(found)


def test_batches_are_measured_by_their_median_over_the_own_refit(results: dict[str, Any]) -> None:
    assert tables.share(results["forgetting"]["found"]["adult"]["blend"], "100") == pytest.approx(1.0)


def test_others_are_summed_up_by_their_refit(results: dict[str, Any]) -> None:
    text = tables.summary(results)
    assert "| `boosting` | 0.9000 | 0.02 ms (15,789x) |" in text
    assert "| xgboost | 0.9000 | 200 ms (refit) |" in text
