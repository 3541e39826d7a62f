"""Recipes for networks of PyTorch: the code that a saved state cannot hold, under a name.

A state, a served model and the command line state a recipe's name and nothing else of it: no file can name a module.
A name is looked up among the recipes here, those that `add` was given in this process, and those that other packages
register under ``expunge.recipes``::

    [project.entry-points."expunge.recipes"]
    wide = "their_package:WIDE"

Whoever changes what a recipe does gives it another name: models that were learned under the old one would be taken
for what the new one learns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Final

from expunge.errors import InputError, NotFoundError

GROUP: Final = "expunge.recipes"


@dataclass(frozen=True)
class Recipe:
    """How a network is made and learns. Nothing is random but by PyTorch's own generator, which is seeded.

    Parameters
    ----------
    name : str
    module : callable of (n_inputs, n_outputs), giving a torch.nn.Module
        It takes float32 (n_rows, n_inputs) and gives (n_rows, n_outputs): a score for each class, or one number.
    loss : callable of (outputs, targets), giving a scalar Tensor
        Targets are int64 (n_rows,), numbers of classes; or float32 (n_rows, 1), scaled to mean 0 and spread 1.
    optimizer : callable of (parameters), giving a torch.optim.Optimizer
        Its state is part of where a fit goes on from: tensors and numbers.

    Examples
    --------
    >>> Recipe("line", lambda n, m: None, lambda found, wanted: None, lambda parameters: None).name
    'line'
    """

    name: str
    module: Callable[[int, int], Any]
    loss: Callable[[Any, Any], Any]
    optimizer: Callable[[Any], Any]


def _perceptron(n_inputs: int, n_outputs: int) -> Any:
    from torch import nn  # noqa: PLC0415  # an extra

    return nn.Sequential(nn.Linear(n_inputs, 64), nn.ReLU(), nn.Linear(64, n_outputs))


def _digits(n_inputs: int, n_outputs: int) -> Any:
    """Two convolutions and a hidden layer for 28 by 28 pixels, each of which is as many inputs that stand together."""
    from torch import nn  # noqa: PLC0415  # an extra

    each, rest = divmod(n_inputs, 28 * 28)
    if rest or not each:
        raise InputError(
            f"{n_inputs} inputs are no images of 28 by 28 pixels.", mend="Give a column for each pixel, and no other."
        )
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28 * each)),
        nn.Conv2d(1, 8, (5, 5 * each), stride=(2, 2 * each), padding=(2, 2 * each)),
        nn.ReLU(),
        nn.Conv2d(8, 16, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(16 * 7 * 7, 64),
        nn.ReLU(),
        nn.Linear(64, n_outputs),
    )


def _cross_entropy(outputs: Any, targets: Any) -> Any:
    from torch.nn import functional  # noqa: PLC0415  # an extra

    return functional.cross_entropy(outputs, targets)


def _squared_error(outputs: Any, targets: Any) -> Any:
    from torch.nn import functional  # noqa: PLC0415  # an extra

    return functional.mse_loss(outputs, targets)


def _adam(parameters: Any) -> Any:
    from torch import optim  # noqa: PLC0415  # an extra

    return optim.Adam(parameters, lr=1e-3)


_OURS: Final = {
    "perceptron": Recipe("perceptron", _perceptron, _cross_entropy, _adam),
    "perceptron-regressor": Recipe("perceptron-regressor", _perceptron, _squared_error, _adam),
    "digits": Recipe("digits", _digits, _cross_entropy, _adam),
}
"""One hidden layer of 64, behind two convolutions for images; Adam at 1e-3."""
_added: Final[dict[str, Recipe]] = {}


def add(recipe: Recipe) -> None:
    """Make a recipe known in this process, and in those that get an estimator which names it.

    Raises
    ------
    InputError
        Where its name stands for another one.
    """
    known = _OURS.get(recipe.name) or _added.get(recipe.name)
    if known is not None and known != recipe:
        raise InputError(f"there is another recipe {recipe.name!r}.", mend="Give this one a name of its own.")
    _added[recipe.name] = recipe


def added(name: str) -> Recipe | None:
    """Return a recipe that `add` was given; None where it was not."""
    return _added.get(name)


def find(name: str) -> Recipe:
    """Return the recipe of a name.

    Raises
    ------
    NotFoundError
        Where there is none.
    InputError
        Where what another package registered under the name is none.

    Examples
    --------
    >>> find("perceptron").name
    'perceptron'
    """
    if (known := _OURS.get(name) or _added.get(name)) is not None:
        return known
    registered = {point.name: point for point in entry_points(group=GROUP)}
    if name not in registered:
        names = ", ".join(sorted({*_OURS, *_added, *registered}))
        raise NotFoundError(
            f"there is no recipe {name!r}.", mend=f"Add it (`expunge.learners.recipes.add`), or take one of {names}."
        )
    recipe = registered[name].load()
    if not isinstance(recipe, Recipe) or recipe.name != name:
        raise InputError(f"{name!r} is registered as a recipe and is {recipe!r}.", mend="Register a Recipe of it.")
    return recipe
