"""Networks of PyTorch as estimators: what `Sharded` and `Retrained` are told, and fit.

Examples
--------
>>> from expunge.learners.exact import Sharded
>>> Sharded(NetworkClassifier(epochs=5), n_shards=3).task
'classification'
"""

from __future__ import annotations

from typing import Any

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from expunge.learners import recipes


class _Network(BaseEstimator):  # type: ignore[misc]  # no types in scikit-learn
    """Hyperparameters alone; it goes to another process with its recipe."""

    recipe: str

    def __getstate__(self) -> dict[str, Any]:
        """Take the recipe along, where it was added in this process."""
        return {**super().__getstate__(), "_recipe": recipes.added(self.recipe)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Add the recipe there."""
        if (recipe := state.pop("_recipe", None)) is not None:
            recipes.add(recipe)
        super().__setstate__(state)


class NetworkClassifier(ClassifierMixin, _Network):  # type: ignore[misc]  # no types in scikit-learn
    """A network that tells classes apart.

    Columns are encoded as those of our linear models: numbers scaled to [-1, 1], words spread out, cells that are
    missing in a place of their own. Rows come in batches, in an order drawn anew for each epoch.

    Parameters
    ----------
    recipe : str
        Name of a `expunge.learners.recipes.Recipe`: module, loss and optimiser.
    epochs : int
    batch_size : int
        Rows of a batch.
    random_state : int or None
        What weights and orders are drawn by, with the learner's key.

    Examples
    --------
    >>> NetworkClassifier(epochs=5).get_params()["recipe"]
    'perceptron'
    """

    def __init__(
        self, recipe: str = "perceptron", *, epochs: int = 20, batch_size: int = 128, random_state: int | None = None
    ) -> None:
        self.recipe = recipe
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state


class NetworkRegressor(RegressorMixin, _Network):  # type: ignore[misc]  # no types in scikit-learn
    """A network that predicts numbers, which it learns at mean 0 and spread 1.

    Parameters
    ----------
    recipe : str
        Name of a `expunge.learners.recipes.Recipe`: module, loss and optimiser.
    epochs : int
    batch_size : int
        Rows of a batch.
    random_state : int or None
        What weights and orders are drawn by, with the learner's key.

    Examples
    --------
    >>> NetworkRegressor().get_params()["epochs"]
    20
    """

    def __init__(
        self,
        recipe: str = "perceptron-regressor",
        *,
        epochs: int = 20,
        batch_size: int = 128,
        random_state: int | None = None,
    ) -> None:
        self.recipe = recipe
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state
