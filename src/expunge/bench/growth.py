"""How the time to forget somebody grows with the rows.

The patients of Diabetes-130, drawn with replacement under new ids until there are so many rows. The exponent is the
slope of the logarithm of the time against that of the rows, by least squares: below one half, time grows slower than
the root.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from expunge.bench import rivals, tasks
from expunge.bench.rivals import Own
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task
from expunge.bench.timing import seconds, spread


def measure(size: Size) -> dict[str, Any]:
    """Return for each of ours what was measured at each size."""
    task = tasks.diabetes().coded()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in rivals.LEARNERS}
    for n_rows in size.rows:
        grown = drawn(task, n_rows)
        for name, own in rivals.LEARNERS.items():
            found[name].append(of_learner(own, grown, size.people_each))
    return found


def drawn(task: Task, n_rows: int) -> Task:
    """Draw people with replacement, all rows of each, under new ids, until there are at least so many rows."""
    order = np.argsort(task.people, kind="stable")
    _, starts, counts = np.unique(task.people[order], return_index=True, return_counts=True)
    chosen = np.random.default_rng(n_rows).integers(0, len(starts), n_rows)
    chosen = chosen[: np.searchsorted(np.cumsum(counts[chosen]), n_rows) + 1]
    each = counts[chosen]
    first = np.repeat(starts[chosen] - np.cumsum(each) + each, each)
    rows = order[first + np.arange(each.sum())]
    return Task(task.X.iloc[rows].reset_index(drop=True), task.y[rows], np.repeat(np.arange(len(chosen)), each))


def of_learner(own: Own, task: Task, n_people: int) -> dict[str, float]:
    """Fit, and forget people one by one."""
    learner = own.make()
    fit = seconds(learner.fit, task.X, task.y, subjects=task.people)
    people = np.random.default_rng(3).choice(np.unique(task.people), n_people, replace=False).tolist()
    times = [seconds(learner.forget, [person]) for person in people]
    return {"rows": len(task.y), "fit": fit} | spread(times)


def exponent(sizes: Sequence[Mapping[str, float]], which: str) -> float:
    """Return how a time grows with the rows.

    Examples
    --------
    >>> round(exponent([{"rows": 100, "mean": 1.0}, {"rows": 10_000, "mean": 10.0}], "mean"), 3)
    0.5
    """
    rows, times = (np.log([one[name] for one in sizes]) for name in ("rows", which))
    return float(np.polyfit(rows, times, 1)[0])
