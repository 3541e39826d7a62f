"""How long served models take."""

from __future__ import annotations

from expunge.bench import rivals, serving
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task


def test_everybody_predicts_for_the_same_rows(task: Task) -> None:
    found = serving.of_task(task.coded(), Size(predicted=300, repeats=1))
    assert found.keys() == {*rivals.LEARNERS, *serving.BESIDE, serving.LARGE}
    assert {own["rows"] for own in found.values()} == {300}
    assert all(own["median"] > 0 for own in found.values())


def test_lightgbm_is_as_large_as_the_forest(task: Task) -> None:
    learned = task.coded()
    nodes = rivals.fitted(rivals.LEARNERS["forest"], learned).serve().arrays["nodes"]
    model = serving.as_large(nodes, learned)
    leaves = (nodes[:, 0] < 0).sum()
    assert model.n_estimators == rivals.LEARNERS["forest"].make().n_estimators
    assert model.num_leaves == max(2, round(leaves / model.n_estimators))
