"""How the benchmark's networks learn, forget, learn again and are rounded: one thread, seeded."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import torch

from expunge.bench.unlearning.problems import Problem
from expunge.bench.unlearning.sizes import Size
from expunge.learners import recipes
from expunge.learners.empirical.history import History, Recorder
from expunge.learners.served.network import MODULE
from expunge.learners.training import Batches, pinned, train
from expunge.verification.quantised import quantise
from expunge.verification.relearning import relearning

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.bool_]

_AT_ONCE: Final = 8192
_RELEARNED: Final = 64
"""Rows of a batch when something is learned again."""


def made(problem: Problem) -> Any:
    """Return the task's network, drawn by PyTorch's generator."""
    return recipes.find(problem.recipe).module(problem.inputs.shape[1], len(problem.classes))


def fitted(problem: Problem, rows: Rows, seed: int, size: Size) -> Any:
    """Train a network on some rows."""
    with pinned(seed):
        module = made(problem)
        _train(problem, module, rows, size, lambda _: None)
    return module.eval()


def history(problem: Problem, rows: Rows, seed: int, size: Size) -> History:
    """Train as `fitted` does, and return the steps: one subject for each row."""
    n_rows = int(rows.sum())
    with pinned(seed):
        module = made(problem)
        kept = Recorder(module, np.arange(n_rows), n_rows)
        _train(problem, module, rows, size, kept.note)
    return kept.history()


def _train(problem: Problem, module: Any, rows: Rows, size: Size, noted: Callable[[Any], None]) -> None:
    recipe, loader = recipes.find(problem.recipe), batches(problem, rows, size)
    optimizer = recipe.optimizer(module.parameters())
    train(module, optimizer, recipe.loss, (loader.inputs, loader.targets), size.epochs, size.batch_size, noted)


def batches(problem: Problem, rows: Rows, size: Size) -> Batches:
    """Return rows as a loader."""
    return Batches(torch.from_numpy(problem.inputs[rows]), torch.from_numpy(problem.y[rows]), size.batch_size)


def probabilities(module: Any, inputs: Floats) -> Floats:
    """Return the probability of each class: float32 (n_rows, n_classes)."""
    with torch.no_grad():
        parts = [module(part).softmax(dim=1) for part in torch.from_numpy(inputs).split(_AT_ONCE)]
    return np.asarray(torch.cat(parts).numpy())


def arrays(module: Any) -> dict[str, npt.NDArray[Any]]:
    """Return a network's arrays."""
    return {f"{MODULE}{name}": one.numpy().copy() for name, one in module.state_dict().items()}


def restored(problem: Problem, found: dict[str, npt.NDArray[Any]]) -> Any:
    """Return the network of these arrays."""
    with pinned(0):
        module = made(problem)
    state = {name: one for name, one in found.items() if name.startswith(MODULE)}
    module.load_state_dict({name.removeprefix(MODULE): torch.from_numpy(one) for name, one in state.items()})
    return module.eval()


def rounded(problem: Problem, module: Any, bits: Literal[4, 8]) -> Any:
    """Return the network with weights of so many bits."""
    return restored(problem, quantise(arrays(module), bits))


def loss(problem: Problem, module: Any, rows: Rows) -> float:
    """Return the loss on some rows."""
    with torch.no_grad():
        outputs = module(torch.from_numpy(problem.inputs[rows]))
        return float(recipes.find(problem.recipe).loss(outputs, torch.from_numpy(problem.y[rows])))


def steps_to_relearn(problem: Problem, module: Any, rows: Rows, target: float, size: Size) -> int:
    """Return after how many steps rows that were forgotten are known again; one more than allowed, where not by then.

    The network is changed.
    """
    recipe = recipes.find(problem.recipe)
    with pinned(0):
        loader = Batches(torch.from_numpy(problem.inputs[rows]), torch.from_numpy(problem.y[rows]), _RELEARNED)
        ahead = cycle(list(loader))
        optimizer = recipe.optimizer(module.parameters())

        def learn_step() -> None:
            X, y = next(ahead)
            optimizer.zero_grad()
            recipe.loss(module(X), y).backward()
            optimizer.step()

        found = relearning(learn_step, lambda: loss(problem, module, rows), target, size.relearned)
    return size.relearned + 1 if found is None else found
