"""How long served models take to predict, beside LightGBM and a forest of scikit-learn's, in turns.

A forest has many times as many leaves as LightGBM by default: beside it stands LightGBM with as many trees and leaves.
"""

from __future__ import annotations

from typing import Any, Final

import numpy.typing as npt
from lightgbm import LGBMClassifier

from expunge.bench import rivals, tasks
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task
from expunge.bench.timing import seconds, spread

BESIDE: Final = ("lightgbm", "random forest, leaves of 5")
LARGE: Final = "lightgbm, as many trees and leaves as the forest"
ROUNDS: Final = 7
"""For each repeat."""


def measure(size: Size) -> dict[str, Any]:
    """Return for each real task and model the time to predict probabilities for so many rows."""
    return {name: of_task(task.coded(), size) for name, task in tasks.loaded(tasks.REAL, size.people)}


def of_task(task: Task, size: Size) -> dict[str, Any]:
    """Let everybody predict for the same rows."""
    models = {name: rivals.fitted(own, task).serve() for name, own in rivals.LEARNERS.items()}
    models |= {name: rivals.RIVALS[name]().fit(task.X, task.y) for name in BESIDE}
    models[LARGE] = as_large(models["forest"].arrays["nodes"], task)
    rows = task.X.iloc[: size.predicted]
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(1 + ROUNDS * size.repeats):
        for name, model in models.items():
            spent = seconds(model.predict_proba, rows)
            if turn:  # what comes first fills caches
                times[name].append(spent)
    return {name: {"rows": len(rows)} | spread(own) for name, own in times.items()}


def as_large(nodes: npt.NDArray[Any], task: Task) -> Any:
    """Fit LightGBM with as many trees and leaves as a forest whose nodes these are (`ForestModel`)."""
    leaves, n_trees = int((nodes[:, 0] < 0).sum()), int(2 * (nodes[:, 0] < 0).sum() - len(nodes))
    shape: dict[str, Any] = {
        "n_estimators": n_trees,
        "num_leaves": max(2, round(leaves / n_trees)),
        "min_child_samples": 2,
    }
    return LGBMClassifier(n_jobs=1, verbose=-1, **shape).fit(task.X, task.y)
