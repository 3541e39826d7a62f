"""How good, and how long a fit takes."""

from __future__ import annotations

import pytest

from expunge.bench import accuracy, rivals
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task


def test_everybody_is_fitted_for_each_split_and_seed_and_shards_for_each_split(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("lightgbm", rivals.CATEGORIES)
    monkeypatch.setattr(rivals, "RIVALS", {name: rivals.RIVALS[name] for name in few})
    monkeypatch.setattr(rivals, "SHARDS", (2,))
    found = accuracy.of_task(task, Size(splits=2, seeds=2))
    assert {name: len(own["aucs"]) for name, own in found["own"].items()} == dict.fromkeys(rivals.ALL, 4)
    others = {name: len(own["aucs"]) for name, own in found["others"].items()}
    assert others == dict.fromkeys(few, 4) | {"SISA, 2 shards": 2}
    for own in (*found["own"].values(), *found["others"].values()):
        assert 0.6 < own["auc"] < 1
        assert 0 < own["fit"]["median"] <= own["fit"]["max"]
