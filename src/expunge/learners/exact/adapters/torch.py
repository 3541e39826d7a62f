"""PyTorch: a network's arrays are served; where a fit is to go on, the optimiser's arrays stand beside them.

One thread, the deterministic algorithms, float32, the processor (`expunge.learners.training`): a fit is the same
function of its rows wherever PyTorch's kernels are the same (`environment` records which they are).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from expunge.learners import recipes
from expunge.learners.exact.adapters.family import RANDOM_STATE, Family, Resume, Rows
from expunge.learners.exact.bounds import at_least
from expunge.learners.registry import Task
from expunge.learners.served import ServedModel
from expunge.learners.served.boosters import load_library
from expunge.learners.served.network import (
    EXTRA,
    MODULE,
    OPTIMIZER,
    NetworkModel,
    encoded,
    n_inputs,
    n_outputs,
    places,
)
from expunge.learners.training import pinned, train

_COUNTS: Final = ("recipe", "epochs", "batch_size", RANDOM_STATE)


def _learn(estimator: Any, rows: Rows, before: NetworkModel | None = None) -> ServedModel:
    torch, recipe = load_library("torch", EXTRA), recipes.find(estimator.recipe)
    epochs, size = at_least("epochs", estimator.epochs, 1), at_least("batch_size", estimator.batch_size, 1)
    signature = rows.signature(rows.columns)
    X = torch.from_numpy(encoded(rows.columns, rows.cells))
    centre, spread = _scale(rows) if before is None else (before.centre, before.spread)
    numbers = rows.target if rows.words is not None else ((rows.target - centre) / spread)[:, None]
    y = torch.from_numpy(numbers.astype(np.int64 if rows.words is not None else np.float32))
    try:
        with pinned(estimator.random_state):
            module = recipe.module(n_inputs(rows.columns), n_outputs(signature))
            optimizer = recipe.optimizer(module.parameters())
            if before is not None:
                module.load_state_dict(before.state(MODULE))
                _restore(optimizer, before)
            train(module, optimizer, recipe.loss, (X, y), epochs, size)
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    state = {f"{MODULE}{name}": _array(one) for name, one in module.state_dict().items()}
    arrays = state | _optimizer_arrays(optimizer)
    if not all(np.isfinite(one).all() for one in arrays.values()):
        raise ValueError("a weight is not finite; it diverged.")
    return NetworkModel(signature, recipe.name, arrays, centre, spread)


def _scale(rows: Rows) -> tuple[float, float]:
    """Return mean and standard deviation of the numbers to learn; 0 and 1 for classes."""
    if rows.words is not None:
        return 0.0, 1.0
    return float(rows.target.mean()), float(rows.target.std()) or 1.0


def _optimizer_arrays(optimizer: Any) -> dict[str, npt.NDArray[np.float64]]:
    state = optimizer.state_dict()["state"]
    return {
        f"{OPTIMIZER}{number:05d} {name}": _array(value)
        for number, own in state.items()
        for name, value in own.items()
        if value is not None
    }


def _restore(optimizer: Any, before: NetworkModel) -> None:
    """Give an optimiser the state that it had; its hyperparameters are the recipe's."""
    state: dict[int, dict[str, Any]] = {}
    for name, value in before.state(OPTIMIZER).items():
        number, _, what = name.partition(" ")
        state.setdefault(int(number), {})[what] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


def _array(value: Any) -> npt.NDArray[np.float64]:
    """Return a tensor or a number as float64, which holds every float32, and integers up to 2**53."""
    if isinstance(value, int | float):
        return np.array(value, dtype=np.float64)
    try:
        return np.array(value.detach().double().numpy())
    except (TypeError, AttributeError) as error:
        raise ValueError(f"a state holds a {type(value).__name__}, which is no plain tensor and no number.") from error


def _alike(before: NetworkModel, rows: Rows) -> bool:
    """Whether every input means what it meant."""
    return places(before.signature.columns) == places(rows.columns)


def _family(name: str, task: Task) -> Family:
    return Family(
        name,
        "expunge.learners.networks",
        "torch",
        EXTRA,
        task,
        _COUNTS,
        _learn,
        link=lambda _: "softmax",
        resume=Resume("epochs", 20, _learn, alike=_alike),
        finish=NetworkModel.bare,
    )


FAMILIES: Final = (_family("NetworkClassifier", "classification"), _family("NetworkRegressor", "regression"))
