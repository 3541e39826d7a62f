"""How long forgetting takes where somebody who sees the model chooses who leaves.

Two adversaries. One *tries* people, each on a copy of their own, and times them. What made much work once most likely
does so again, while the model has hardly changed: so they hoard those whom they tried and did not pick. In each round
the best of the hoard and as many newcomers are tried, and the few that took longest are forgotten. The other looks for
*extremes*: where a range was read off the rows, whoever alone holds the largest or smallest number of a column takes it
along, and the model is learned afresh. (A declared range gives them nothing.)

Random people are forgotten in turns from another copy; LightGBM is fitted again now and then.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from expunge.bench import rivals, tasks
from expunge.bench.rivals import Own
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task
from expunge.bench.timing import seconds, shown, spread
from expunge.errors import CannotForgetError

TRIED: Final = 8
"""Of the hoard, and as many newcomers, in each round."""
PICKED: Final = 5
"""Of those, in each round."""
REFITS: Final = 10


def measure(size: Size) -> dict[str, Any]:
    """Return for each real task and each of ours what was measured."""
    found = {}
    for name, task in tasks.loaded(tasks.REAL, size.people):
        learned = task.coded().where(task.train(0))
        found[name] = {learner: of_learner(own, learned, size) for learner, own in rivals.LEARNERS.items()}
    return found


def of_learner(own: Own, task: Task, size: Size) -> dict[str, Any]:
    """Let both adversaries choose, and chance beside them."""
    learner = rivals.fitted(own, task)
    other, third = copied(learner), copied(learner)
    hoard = Hoard(learner, task)
    order = iter(np.random.default_rng(3).permutation(np.unique(task.people)).tolist())
    times: dict[str, list[float]] = {"tried": [], "random": [], "extremes": []}
    refits: dict[str, list[float]] = {"own": [], "lightgbm": []}
    for count in range(size.picks):
        times["tried"].append(_timed(learner, hoard.pick()))
        times["random"].append(_timed(other, next(order)))
        if count % max(1, size.picks // REFITS) == 0:
            refits["own"].append(seconds(rivals.fitted, own, task))
            refits["lightgbm"].append(seconds(rivals.refit, task))
    lonely = extremes(task)
    times["extremes"] = [_timed(third, lonely()) for _ in range(size.owners)]
    return {
        "rows": len(task.y),
        "refit": {name: spread(own) for name, own in refits.items()},
        "times": {name: shown(own) for name, own in times.items()},
    } | {name: spread(own) for name, own in times.items()}


class Hoard:
    """The adversary who tries people.

    Parameters
    ----------
    learner : Learner
        The model that is attacked, as it is whenever somebody is picked.
    task : Task
    """

    def __init__(self, learner: Any, task: Task) -> None:
        self._learner = learner
        self._newcomers = np.random.default_rng(5).permutation(np.unique(task.people)).tolist()
        self._known: dict[int, float] = {}
        self._picked: list[int] = []

    def pick(self) -> int:
        """Return whose removal takes longest, as far as this adversary knows; picked only once."""
        if not self._picked:
            self._try()
        return self._picked.pop(0)

    def _try(self) -> None:
        best = sorted(self._known, key=self._known.__getitem__, reverse=True)[:TRIED]
        newcomers = [self._newcomers.pop() for _ in range(min(TRIED, len(self._newcomers)))]
        tried = {person: _timed(copied(self._learner), person) for person in (*best, *newcomers)}
        self._known |= tried
        self._picked = sorted(tried, key=tried.__getitem__, reverse=True)[:PICKED]
        for person in self._picked:
            del self._known[person]


def copied(learner: Any) -> Any:
    """Return a copy that forgets on its own; the records, which nothing changes, are shared."""
    records = learner.state_.records
    return copy.deepcopy(learner, {id(records): records})


def extremes(task: Task) -> Callable[[], int]:
    """Return the other adversary: each call names who holds the extreme that fewest hold, among those not yet named."""
    X, people = task.X.to_numpy(np.float64), task.people
    X = X[:, np.nanmin(X, axis=0) < np.nanmax(X, axis=0)]
    alive = np.ones(len(X), np.bool_)

    def pick() -> int:
        rows = X[alive]
        ends = [np.nanmin(rows, axis=0), np.nanmax(rows, axis=0)]
        holders = np.stack([(rows == end).sum(axis=0) for end in ends])
        end, column = np.unravel_index(int(holders.argmin()), holders.shape)
        person = int(people[alive][int(np.argmax(rows[:, column] == ends[end][column]))])
        alive[people == person] = False
        return person

    return pick


def _timed(learner: Any, person: int) -> float:
    """Forget somebody; return how long it took, or would have, where nothing would be left without them."""

    def forget() -> None:
        try:
            learner.forget([person])
        except CannotForgetError:
            return

    return seconds(forget)
