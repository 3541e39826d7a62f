"""Networks of PyTorch: what a fit depends on, and from what the next one goes on."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from expunge.errors import ExpungeError
from expunge.learners import recipes
from expunge.learners.exact import Retrained, Sharded
from expunge.learners.exact.adapters.environment import environment
from expunge.learners.networks import NetworkClassifier, NetworkRegressor
from expunge.learners.recipes import Recipe
from expunge.learners.served.network import OPTIMIZER, NetworkModel

RNG = np.random.default_rng(4)
X = RNG.normal(size=(400, 3))
Y = X[:, 0] + X[:, 1] > 0
NUMBERS = 1e6 + 1e4 * X[:, 0]
KEY = bytes(32)


def wide(n_inputs: int, n_outputs: int) -> nn.Module:
    """A network with what learns in other ways than weights, and what draws."""
    return nn.Sequential(
        nn.Linear(n_inputs, 16), nn.BatchNorm1d(16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, n_outputs)
    )


def entropy(outputs: Any, targets: Any) -> Any:
    return nn.functional.cross_entropy(outputs, targets)


def momentum(parameters: Any) -> Any:
    return torch.optim.SGD(parameters, lr=0.05, momentum=0.9)


WIDE = Recipe("wide", wide, entropy, momentum)


@pytest.fixture(autouse=True)
def added(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipes of these tests, in these tests alone."""
    monkeypatch.setattr(recipes, "_added", {"wide": WIDE})


def stages(learner: Sharded) -> list[list[NetworkModel]]:
    """The models of each shard."""
    return [[one for one in shard if isinstance(one, NetworkModel)] for shard in learner.state_.shards]


def test_it_learns() -> None:
    assert Retrained(NetworkClassifier(epochs=80)).fit(X, Y).score(X, Y) > 0.95
    assert Retrained(NetworkClassifier("wide", epochs=20)).fit(X, Y).score(X, Y) > 0.9
    thirds = np.digitize(X[:, 0], [-0.5, 0.5])
    assert Retrained(NetworkClassifier(epochs=40)).fit(X, thirds).score(X, thirds) > 0.85
    assert Retrained(NetworkRegressor(epochs=40)).fit(X, NUMBERS).score(X, NUMBERS) > 0.9


def test_a_fit_depends_on_nothing_that_its_process_drew_or_set() -> None:
    first = Sharded(NetworkClassifier("wide", epochs=3), n_shards=2, n_slices=2, key=KEY).fit(X, Y)
    threads, before = torch.get_num_threads(), torch.random.get_rng_state()
    torch.manual_seed(17)
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_num_threads(2)
        drawn = torch.random.get_rng_state()
        random.seed(3)
        again = Sharded(NetworkClassifier("wide", epochs=3), n_shards=2, n_slices=2, key=KEY).fit(X, Y)
        assert again.digest() == first.digest()
        assert (torch.get_default_dtype(), torch.get_num_threads()) == (torch.float64, 2), "as it was"
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.equal(torch.random.get_rng_state(), drawn)
        again.serve().predict(X)
        assert torch.equal(torch.random.get_rng_state(), drawn)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_num_threads(threads)
        torch.random.set_rng_state(before)


def test_in_other_processes_the_same_is_learned() -> None:
    def deep(n_inputs: int, n_outputs: int) -> nn.Module:
        return nn.Sequential(nn.Linear(n_inputs, 4), nn.Tanh(), nn.Linear(4, n_outputs))

    recipes.add(Recipe("deep", deep, nn.functional.cross_entropy, torch.optim.Adam))
    one, two = (
        Sharded(NetworkClassifier("deep", epochs=2), n_shards=2, key=KEY, n_jobs=n_jobs).fit(X, Y) for n_jobs in (1, 2)
    )
    assert one.digest() == two.digest()


def test_another_key_gives_another_network() -> None:
    one, other = (Retrained(NetworkClassifier(epochs=1), key=bytes([n]) * 32).fit(X, Y) for n in (1, 2))
    assert one.digest() != other.digest()


def test_a_restart_point_holds_the_optimisers_state_and_what_predicts_does_not() -> None:
    learner = Sharded(NetworkClassifier("wide", epochs=6), n_shards=2, n_slices=3, key=KEY).fit(X, Y)
    for shard in stages(learner):
        held = [any(name.startswith(OPTIMIZER) for name in model.arrays) for model in shard]
        assert held == [True, True, False]
    assert not any(name.startswith(OPTIMIZER) for model in learner.serve().members for name in model.arrays)  # type: ignore[attr-defined]


def test_a_stage_goes_on_with_the_optimisers_state(monkeypatch: pytest.MonkeyPatch) -> None:
    def learned() -> str:
        return Sharded(NetworkClassifier("wide", epochs=6), n_shards=1, n_slices=2, key=KEY).fit(X, Y).digest()

    whole = learned()
    monkeypatch.setattr("expunge.learners.exact.adapters.torch._restore", lambda *_: None)
    assert learned() != whole


@pytest.mark.parametrize("estimator", [NetworkClassifier("wide", epochs=6), NetworkRegressor(epochs=6)])
def test_forgetting_goes_on_from_the_stage_before(estimator: Any) -> None:
    y = Y if isinstance(estimator, NetworkClassifier) else NUMBERS
    learner = Sharded(estimator, n_shards=2, n_slices=3, key=KEY).fit(X, y)
    before = [[model.digest() for model in shard] for shard in stages(learner)]
    shard, part = (own.tolist() for own in (learner.state_.placed.shard, learner.state_.placed.part))
    leaving = next(row for row in range(400) if part[row] == 2)
    learner.forget([leaving])
    after = [[model.digest() for model in one] for one in stages(learner)]
    for number, (was, now) in enumerate(zip(before, after, strict=True)):
        kept = [one == other for one, other in zip(was, now, strict=True)]
        assert kept == ([True, True, False] if number == shard[leaving] else [True] * 3)
    rest = np.delete(np.arange(400), leaving)
    again = Sharded(estimator, n_shards=2, n_slices=3, key=KEY).fit(X[rest], y[rest], subjects=rest)
    assert again.digest() == learner.digest()


def test_a_word_that_only_a_later_slice_has_is_learned_from_the_beginning() -> None:
    words = np.where(np.arange(400) < 399, "common", "rare")
    table = pd.DataFrame(X, columns=["a", "b", "c"]).assign(word=words)
    learner = Sharded(NetworkClassifier(epochs=6), n_shards=1, n_slices=4, key=KEY).fit(table, Y)
    widths = [len(model.arrays["module 0.weight"][0]) for model in stages(learner)[0]]
    last = int(learner.state_.placed.part[399])
    assert widths == [widths[-1] - 1] * last + [widths[-1]] * (4 - last)
    learner.forget([399])
    rest = np.arange(399)
    again = Sharded(NetworkClassifier(epochs=6), n_shards=1, n_slices=4, key=KEY).fit(
        table.iloc[rest], Y[rest], subjects=rest
    )
    assert again.digest() == learner.digest()


@pytest.mark.parametrize(
    ("estimator", "told"),
    [
        (NetworkClassifier("unknown"), "no recipe 'unknown'"),
        (NetworkClassifier(epochs=0), "epochs=0"),
        (NetworkClassifier(batch_size=0), "batch_size=0"),
        (NetworkClassifier("explodes"), "it diverged"),
        (NetworkClassifier("crooked"), "cannot learn from these rows"),
        (NetworkClassifier("lbfgs"), "list, which is no plain tensor"),
    ],
)
def test_what_cannot_be_learned_says_why(
    estimator: NetworkClassifier, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fast(parameters: Any) -> Any:
        return torch.optim.SGD(parameters, lr=1e30)

    others = {
        "explodes": Recipe("explodes", wide, entropy, fast),
        "crooked": Recipe("crooked", lambda n, m: nn.Linear(n + 1, m), entropy, momentum),
        "lbfgs": Recipe("lbfgs", nn.Linear, entropy, torch.optim.LBFGS),
    }
    monkeypatch.setattr(recipes, "_added", others)
    with pytest.raises(ExpungeError, match=told):
        Retrained(estimator).fit(X, Y)


def test_the_environment_names_pytorch_and_its_kernels() -> None:
    learner = Retrained(NetworkClassifier(epochs=1)).fit(X, Y)
    assert learner.environment == environment("torch")
    assert learner.environment["torch"] == torch.__version__
    assert learner.environment["torch kernels"] == torch.backends.cpu.get_cpu_capability()
