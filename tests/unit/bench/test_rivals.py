"""Who is measured."""

from __future__ import annotations

import numpy as np
import pytest

from expunge.bench import rivals
from expunge.bench.tasks import Task


@pytest.mark.parametrize("name", rivals.ALL)
def test_each_of_ours_takes_a_seed_and_the_hyperparameters_of_its_small_form(name: str) -> None:
    own = rivals.ALL[name]
    found = own.make(random_state=7, **own.small).get_params()
    assert found["random_state"] == 7
    assert found.items() >= own.small.items()


def test_everybody_uses_one_thread() -> None:
    for name, make in rivals.RIVALS.items():
        assert make().get_params().get("n_jobs", 1) == 1, name


def test_sisa_hears_every_shard_once(task: Task) -> None:
    coded, train = task.coded(), task.train(0)
    told, spent = rivals.sisa(2, coded, train)
    assert told.shape == ((~train).sum(),)
    assert ((told > 0) & (told < 1)).all()
    assert spent > 0
    assert np.corrcoef(told, coded.y[~train])[0, 1] > 0.2
