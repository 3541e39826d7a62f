"""What designs cost: measured from one state, beside what follows from where people were."""

from __future__ import annotations

import numpy as np
import pytest
from lightgbm import LGBMClassifier

from expunge.bench import sharding
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task
from expunge.learners.exact import Sharded


def test_every_design_is_measured_from_its_own_fit(task: Task) -> None:
    found = sharding.of_task(task.coded(), Size(splits=1, repeats=1, designs=((1, 1), (4, 2))))
    assert [(one["shards"], one["slices"]) for one in found] == [(1, 1), (4, 2)]
    for one in found:
        assert one["forget"].keys() == {"1", "10", "100"}
        assert all(0 < own["met"] <= 1 and own["seconds"] > 0 for own in one["forget"].values())
    assert found[0]["forget"]["1"]["met"] == 1
    assert found[1]["forget"]["1"]["met"] < 0.5


def test_what_is_met_is_rows_times_rounds(task: Task) -> None:
    learner = Sharded(LGBMClassifier(n_estimators=4), n_shards=4, n_slices=2)
    learner.fit(task.X, task.y, subjects=task.people)
    people = [int(one) for one in learner.subjects_held()]
    each = [sharding._met(learner.state_, [one]) for one in people]
    assert np.mean(each) == pytest.approx(5 / 6 / 4, rel=0.15)
    assert sharding._met(learner.state_, people) == 1
