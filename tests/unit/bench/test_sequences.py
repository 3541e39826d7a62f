"""Sequences that end like a refit."""

from __future__ import annotations

import numpy as np

from expunge.bench import rivals, sequences
from expunge.bench.rivals import Own
from expunge.bench.sizes import Size
from expunge.bench.tasks import Task
from expunge.learners.exact import BoostingClassifier

SIZE = Size(random=2, adversarial=1, sequence_people=(60, 90))


class Forgetful(BoostingClassifier):
    """Forgets one person fewer than it is told to."""

    def forget(self, subjects: list[int]) -> object:  # type: ignore[override]  # a learner that is wrong
        return super().forget(subjects[1:] or subjects)


def test_every_sequence_of_ours_ends_like_a_refit(task: Task) -> None:
    found = sequences.counted(rivals.LEARNERS["boosting"], [task], SIZE)
    assert (found["random"], found["random_equal"]) == (2, 2)
    assert (found["adversarial"], found["adversarial_equal"]) == (1, 1)
    assert found["people_forgotten"] > 30


def test_a_learner_that_leaves_somebody_is_found_out(task: Task) -> None:
    found = sequences.counted(Own(Forgetful, {"n_estimators": 5}), [task], SIZE)
    assert found["random_equal"] == 0


def test_the_adversary_begins_with_owners_of_extremes_and_rare_words(task: Task) -> None:
    rare = sequences._rare(task)
    assert task.people[int(np.argmax(task.X["number"]))] in rare
    assert len(rare) == len(set(rare))
