"""Adversaries who choose who leaves."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from expunge.bench import adversary, rivals
from expunge.bench.adversary import Hoard, extremes
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task


class Slow:
    """A learner that takes long for some people, and can be copied."""

    def __init__(self, slow: set[int]) -> None:
        self.slow = slow
        self.state_ = SimpleNamespace(records=())
        self.gone: list[int] = []

    def forget(self, people: list[int]) -> None:
        assert not set(people) & set(self.gone)
        self.gone += people
        end = time.process_time() + (0.003 if people[0] in self.slow else 0)
        while time.process_time() < end:
            pass


def of(X: list[list[float]]) -> Task:
    return Task(pd.DataFrame(X, columns=["a", "b"]), np.zeros(len(X), int), np.arange(len(X)))


def test_who_takes_long_is_picked_first_and_nobody_twice() -> None:
    learner = Slow(slow={4, 9, 14, 19, 24, 29})
    hoard = Hoard(learner, of([[n, n] for n in range(30)]))
    picked = [hoard.pick() for _ in range(20)]
    assert learner.gone == []
    assert len(set(picked)) == 20
    assert learner.slow <= set(picked)


def test_extremes_are_looked_for_among_those_who_are_left() -> None:
    pick = extremes(of([[0, 5], [9, 5], [1, 5], [2, 5], [0, 5]]))
    assert [pick(), pick()] == [1, 3]


def test_a_column_without_numbers_or_with_one_tells_nothing() -> None:
    task = of([[np.nan, 1], [3, 1], [4, 1]])
    assert extremes(task)() in {1, 2}


@pytest.mark.parametrize("name", rivals.LEARNERS)
def test_what_a_copy_forgets_the_model_still_knows(name: str, task: Task) -> None:
    learner = rivals.fitted(rivals.LEARNERS[name], task.coded())
    before, mirror = learner.digest(), adversary.copied(learner)
    for person in np.unique(task.people)[:20].tolist():
        mirror.forget([person])
    assert learner.digest() == before != mirror.digest()
    learner.forget(np.unique(task.people)[:20].tolist())
    assert learner.digest() == mirror.digest()


@pytest.mark.parametrize("name", rivals.LEARNERS)
def test_whoever_picks_is_timed_beside_a_refit(name: str, task: Task) -> None:
    found = adversary.of_learner(rivals.LEARNERS[name], task.coded(), Size(picks=7, owners=2))
    assert {who: len(times) for who, times in found["times"].items()} == {"tried": 7, "random": 7, "extremes": 2}
    assert found["tried"]["max"] == pytest.approx(max(found["times"]["tried"]), abs=1e-6)
    assert found["refit"]["lightgbm"]["mean"] > 0
