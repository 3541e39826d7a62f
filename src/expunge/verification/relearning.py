"""Relearning: knowledge that was hidden comes back in a few steps; knowledge that is gone takes as long as at first.

The unlearned model and models that were retrained without the rows learn them again, with the same optimiser on the
same batches; steps are counted until the loss is what it was before forgetting (Hu et al., arXiv 2406.13356).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from expunge.errors import InputError


@dataclass(frozen=True)
class Relearning:
    """How many steps it took.

    Parameters
    ----------
    after : int or None
        The model under test; None where `most` steps were not enough.
    retrained : tuple of int or None
        The retrained models.
    most : int
        After how many steps nobody waited any longer.
    """

    after: int | None
    retrained: tuple[int | None, ...]
    most: int


def relearning(learn_step: Callable[[], None], loss: Callable[[], float], target: float, most: int) -> int | None:
    """Return how many steps on the forget rows it takes until their loss is at most what it was before forgetting.

    Parameters
    ----------
    learn_step : callable
        One step of the optimiser on forget rows; it changes the model.
    loss : callable
        The model's loss on the forget rows now.
    target : float
        That of the model before forgetting.
    most : int

    Returns
    -------
    int or None
        0 where it needs none; None where `most` are not enough.

    Examples
    --------
    >>> losses = iter([0.9, 0.5, 0.1])
    >>> relearning(lambda: None, lambda: next(losses), 0.2, most=10)
    2
    """
    if most < 1:
        raise InputError(f"most={most!r} leaves no step to learn in.", mend="Give 1 or more.")
    if loss() <= target:
        return 0
    for step in range(1, most + 1):
        learn_step()
        if loss() <= target:
            return step
    return None


def counted(steps: Sequence[int | None], most: int) -> list[int]:
    """Return steps as numbers; who did not get there in `most` counts `most` + 1."""
    return [most + 1 if step is None else step for step in steps]
