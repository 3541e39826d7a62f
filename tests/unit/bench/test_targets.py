"""What was asked, measured and met."""

from __future__ import annotations

from typing import Any

import pytest

from expunge.bench import targets
from expunge.bench.timing import spread


def verdicts(results: dict[str, Any]) -> dict[str, set[str]]:
    """Verdict -> learner and what was asked."""
    found: dict[str, set[str]] = {}
    for target in targets.TARGETS:
        found.setdefault(target.verdict(results), set()).add(f"{target.learner}: {target.asked}")
    return found


def test_what_meets_every_target_reads_met(results: dict[str, Any]) -> None:
    assert verdicts(results).keys() == {"met"}


def test_what_was_not_measured_is_not_met(results: dict[str, Any]) -> None:
    assert verdicts({}).keys() == {"not measured"}
    del results["sequences"], results["accuracy"]["found"]["adult"]
    unmeasured = verdicts(results)["not measured"]
    assert len(unmeasured) == 9
    assert "boosting: AUC, above LightGBM: >= -0.004" in unmeasured


def test_fewer_sequences_than_were_asked_for_are_none(results: dict[str, Any]) -> None:
    results["sequences"]["found"]["forest"].update(random=2, random_equal=2)
    assert verdicts(results)["not measured"] == {"forest: sequences unlike a refit, of 1,000 and 200: 0"}


@pytest.mark.parametrize(
    ("part", "change", "missed"),
    [
        ("forgetting", {"bytes": 60_000_001}, "forest: memory <= 60 MB"),
        ("forgetting", {"one": spread([0.0016])}, "forest: forget one, mean: LightGBM's refit >= 200x"),
        ("forgetting", {"batches": {"10": [0.0221]}}, "forest: batches of 10 to 1,000 <= 1.1x of its own refit"),
        ("sequences", {"adversarial_equal": 199}, "forest: sequences unlike a refit, of 1,000 and 200: 0"),
        ("accuracy", {"auc": 0.8979}, "forest: AUC, above scikit-learn's best forest: >= -0.002"),
        ("accuracy", {"fit": spread([0.41])}, "forest: fit <= 0.2x of that forest"),
    ],
)
def test_one_figure_beyond_its_bound_on_one_task_is_not_met(
    results: dict[str, Any], part: str, change: dict[str, Any], missed: str
) -> None:
    found = results[part]["found"]
    of_task = {"accuracy": lambda: found["diabetes130"]["own"], "forgetting": lambda: found["diabetes130"]}
    of_task.get(part, lambda: found)()["forest"].update(change)
    assert verdicts(results)["NOT MET"] == {missed}


def test_an_exponent_of_one_half_is_too_much(results: dict[str, Any]) -> None:
    results["growth"]["found"]["forest"] = [{"rows": n, "mean": n**0.5} for n in (1, 100, 10_000)]
    assert verdicts(results)["NOT MET"] == {"forest: growth of the mean: exponent < 0.5"}


def test_the_table_says_on_which_task(results: dict[str, Any]) -> None:
    text = targets.table(results)
    assert "| `blend` | fit <= 1.5x of LightGBM | 0.33x (Adult), 0.33x (Diabetes-130) | met |" in text
    assert "not measured" in targets.table({})
