"""How long forgetting takes: people one by one, then batches, beside our own refit and LightGBM's, in turns.

Whatever forgetting needs is in its time: bins that move, and learning afresh where nothing else helps. What is left is
compared by digest with a refit from raw rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from expunge.bench import rivals, tasks
from expunge.bench.memory import held
from expunge.bench.rivals import Own
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task
from expunge.bench.timing import seconds, shown, spread, timed

REFITS = 10
"""Of each kind, spread evenly over the removals."""


def measure(size: Size) -> dict[str, Any]:
    """Return for each real task and each of ours what was measured."""
    found = {}
    for name, task in tasks.loaded(tasks.REAL, size.people):
        learned = task.coded().where(task.train(0))
        found[name] = {learner: of_learner(own, learned, size) for learner, own in rivals.ALL.items()}
    return found


def of_learner(own: Own, task: Task, size: Size) -> dict[str, Any]:
    """Forget people one by one, and batches."""
    learner = rivals.fitted(own, task)
    order = np.random.default_rng(3).permutation(np.unique(task.people)).tolist()
    alone, again = [], 0
    refits: dict[str, list[float]] = {"own": [], "lightgbm": []}
    for count, person in enumerate(order[: size.alone]):
        report, spent = timed(learner.forget, [person])
        alone.append(spent)
        again += "rows_learned_again" in report.work
        if count % max(1, size.alone // REFITS) == 0:
            refits["own"].append(seconds(rivals.fitted, own, task))
            refits["lightgbm"].append(seconds(rivals.refit, task))
    batches: dict[str, list[float]] = {str(n): [] for n in size.batches}
    done = len(alone)
    for _ in range(size.repeats):
        for n in size.batches:
            batches[str(n)].append(seconds(learner.forget, order[done : done + n]))
            done += n
    fresh = rivals.fitted(own, task.where(~np.isin(task.people, order[:done])))
    return {
        "rows": len(task.y),
        "people": len(alone),
        "learned_again": again,
        "one": spread(alone),
        "batches": {n: shown(times) for n, times in batches.items()},
        "refit": {name: spread(times) for name, times in refits.items()},
        "bytes": held(learner.state_),
        "equal_to_a_refit": fresh.digest() == learner.digest(),
    }
