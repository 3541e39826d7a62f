"""How long served models take."""

from __future__ import annotations

from expunge.bench import rivals, serving
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task


def test_everybody_predicts_for_the_same_rows(task: Task) -> None:
    found = serving.of_task(task.coded(), Size(predicted=300, repeats=1))
    assert found.keys() == {*rivals.LEARNERS, *serving.BESIDE}
    assert {own["rows"] for own in found.values()} == {300}
    assert all(own["median"] > 0 for own in found.values())
