"""Whether forgetting ends like a refit: many sequences of removals, each end compared with a refit from raw rows.

Each sequence takes some people of Adult or Diabetes-130 by turns, words and all, under a key of its own. A random one
forgets one to nine tenths of them in batches of random sizes. An adversarial one sees the model: it forgets the owners
of extremes and of rare words, and then again and again tries a dozen people on copies, and forgets the one who makes
most work.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from expunge.bench import rivals, tasks
from expunge.bench.rivals import Own
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task
from expunge.errors import CannotForgetError

TRIED: Final = 12
PICKED: Final = 15
BATCHES: Final = (1, 1, 1, 2, 5, 30, 200)


def measure(size: Size) -> dict[str, Any]:
    """Return for each of ours how many sequences ended like a refit."""
    data = [load() for load in tasks.REAL.values()]
    return {name: counted(own, data, size) for name, own in rivals.ALL.items()}


def counted(own: Own, data: Sequence[Task], size: Size) -> dict[str, int]:
    """Run all sequences of one learner."""
    found = {"random": 0, "random_equal": 0, "adversarial": 0, "adversarial_equal": 0, "people_forgotten": 0}
    for number in range(size.random + size.adversarial):
        rng, adverse = np.random.default_rng(number), number >= size.random
        task = data[number % len(data)].some(int(rng.integers(*size.sequence_people)), rng)
        learner = _fitted(own, task, number)
        gone = worst_picks(learner, task, rng) if adverse else random_batches(learner, task, rng)
        stay = rng.permutation(np.flatnonzero(~np.isin(task.people, list(gone))))
        again = _fitted(own, Task(task.X.iloc[stay], task.y[stay], task.people[stay]), number)
        kind = "adversarial" if adverse else "random"
        found[kind] += 1
        found[f"{kind}_equal"] += again.digest() == learner.digest()
        found["people_forgotten"] += len(gone)
    return found


def random_batches(learner: Any, task: Task, rng: np.random.Generator) -> set[int]:
    """Forget batches of random sizes; returns who is gone."""
    order = rng.permutation(np.unique(task.people)).tolist()
    order = order[: int(len(order) * rng.uniform(0.1, 0.9))]
    gone: set[int] = set()
    while order:
        size = int(rng.choice(BATCHES))
        batch, order = order[:size], order[size:]
        try:
            learner.forget(batch)
        except CannotForgetError:
            break
        gone.update(batch)
    return gone


def worst_picks(learner: Any, task: Task, rng: np.random.Generator) -> set[int]:
    """Forget whoever makes most work, beginning with owners of extremes and rare words; returns who is gone."""
    gone: set[int] = set()
    queue = _rare(task)[:PICKED]
    for _ in range(2 * PICKED):
        if queue:
            pick = queue.pop()
        else:
            held = sorted(set(learner.subjects_held()) - gone)
            tried = rng.choice(held, min(TRIED, len(held)), replace=False).tolist()
            pick = max(tried, key=lambda one: _work(learner, one))
        try:
            learner.forget([pick])
        except CannotForgetError:
            continue
        gone.add(pick)
    return gone


def _fitted(own: Own, task: Task, number: int) -> Any:
    return own.make(random_state=number, **own.small).fit(task.X, task.y, subjects=task.people)


def _rare(task: Task) -> list[int]:
    """Return owners of extremes, and of the rarest word of each column."""
    X = task.X
    rows = [int(np.argmax(X[c])) for c in X if pd.api.types.is_numeric_dtype(X[c])]
    rows += [int(np.argmax(X[c] == X[c].value_counts().index[-1])) for c in X if X[c].nunique() > 1]
    return list(dict.fromkeys(task.people[rows].tolist()))


def _work(learner: Any, person: int) -> int:
    """Return how much work it would be to forget somebody, tried on a copy."""
    try:
        return sum(copy.deepcopy(learner).forget([person]).work.values())
    except CannotForgetError:
        return -1
