"""How long forgetting takes."""

from __future__ import annotations

import pytest

from expunge.bench import forgetting, rivals
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task

SIZE = Size(alone=12, batches=(5, 20), repeats=2)


@pytest.mark.parametrize("name", rivals.ALL)
def test_what_is_left_after_people_and_batches_is_a_refit(name: str, task: Task) -> None:
    found = forgetting.of_learner(rivals.ALL[name], task.coded(), SIZE)
    assert found["equal_to_a_refit"] is True
    assert (found["rows"], found["people"]) == (800, 12)
    assert {size: len(times) for size, times in found["batches"].items()} == {"5": 2, "20": 2}
    assert found["bytes"] > 800
    assert found["refit"]["own"]["mean"] > 0 < found["refit"]["lightgbm"]["mean"]
