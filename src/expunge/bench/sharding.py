"""What sharding costs and saves: `Sharded` LightGBM, in so many shards and slices, beside what theory expects.

For each design: accuracy beside one model of all; and what forgetting 1, 10 and 100 people at once takes, each time
from the same fit, as a share of that fit. Beside it stands what is expected of draws, and what follows from where those
who were drawn happened to be: which shards, and from which slice on. Handing the rows out to shards is an overhead,
whatever is learned again; it is measured by itself.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from lightgbm import LGBMClassifier
from sklearn.metrics import roc_auc_score

from expunge.bench import tasks
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task
from expunge.bench.timing import seconds
from expunge.learners.exact import Sharded
from expunge.learners.exact.sharded import ShardedState
from expunge.learners.exact.shards import expected_cost

TIMES: Final = {1: 8, 10: 3, 100: 2}
"""How many people leave at once -> how often that is tried, for each repeat."""


def measure(size: Size) -> dict[str, Any]:
    """Return for each real task and design accuracy, time to fit, and shares of it that forgetting takes."""
    return {name: of_task(task.coded(), size) for name, task in tasks.loaded(tasks.REAL, size.people)}


def of_task(task: Task, size: Size) -> list[dict[str, Any]]:
    """Try every design on one task."""
    return [_design(task, size, *each) for each in size.designs]


def _design(task: Task, size: Size, n_shards: int, n_slices: int) -> dict[str, Any]:
    aucs, fits, learner = [], [], None
    for split in range(size.splits):
        train = task.train(split)
        learner = Sharded(LGBMClassifier(), n_shards=n_shards, n_slices=n_slices)
        fits.append(seconds(learner.fit, task.X[train], task.y[train], subjects=task.people[train]))
        aucs.append(float(roc_auc_score(task.y[~train], learner.decision_function(task.X[~train]))))
    found: dict[str, Any] = {"shards": n_shards, "slices": n_slices, "auc": float(np.mean(aucs)), "aucs": aucs}
    return found | {"fit": float(np.mean(fits))} | _forgetting(learner, fits[-1], size)


def _forgetting(learner: Any, fit: float, size: Size) -> dict[str, Any]:
    """Forget people, each time from the same state, beside what is expected."""
    state: ShardedState = learner.state_
    people = np.array(state.records.subjects)
    rng, found = np.random.default_rng(0), {}
    for count, times in TIMES.items():
        spent, met = [], []
        for _ in range(times * size.repeats):
            leaving = rng.choice(people, min(count, len(people) // 2), replace=False).tolist()
            learner.state_ = state
            spent.append(seconds(learner.forget, leaving))
            met.append(_met(state, leaving))
        expected = expected_cost(state.design.n_shards, state.design.n_slices, count)
        found[str(count)] = {"seconds": float(np.mean(spent)), "met": float(np.mean(met)), "expected": expected}
    learner.state_ = state
    handed = seconds(learner._fit_shards, state.features, state.named, state.records, state.placed, state.design, {})
    return {"last_fit": fit, "overhead": handed, "forget": found}


def _met(state: ShardedState, leaving: list[int]) -> float:
    """Return what learning again costs where these people leave, as a share of a fit: rows times rounds."""
    names = state.records.rows_at(state.records.places_of(leaving))[1]
    every = state.records.rows
    stages = np.zeros((state.design.n_shards, state.design.n_slices))
    np.add.at(stages, (state.placed.shard[every], state.placed.part[every]), 1)
    costs = stages.cumsum(axis=1)  # stage r learns from all slices up to r, in an equal share of the rounds
    first = np.full(state.design.n_shards, state.design.n_slices)
    np.minimum.at(first, state.placed.shard[names], state.placed.part[names])
    again = sum(costs[shard, begin:].sum() for shard, begin in enumerate(first.tolist()))
    return float(again / costs.sum())
