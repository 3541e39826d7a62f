"""Kernels are compiled when they are first called: on made-up rows, before anything is timed.

How long a person's rows take to be forgotten is written into plans and certificates. What compiling takes, once for an
installation, is no part of it.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np

ROWS: Final = 300
LEAVING: Final = 60
"""So many leave one by one that bins merge, and trees are mended."""


def compile_kernels(learner: Any, *decisive: str) -> None:
    """Fit, forget and predict with learners of a class, once in a process.

    Parameters
    ----------
    learner : Learner
        It is not touched.
    *decisive : str
        Hyperparameters by which it calls other kernels.
    """
    cls: Any = type(learner)
    _called(cls, tuple((name, getattr(learner, name)) for name in decisive))


@cache
def _called(cls: Any, decided: tuple[tuple[str, Any], ...]) -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(ROWS, 3)), np.arange(ROWS) % 3
    made = cls(**dict(decided))
    learner = made.fit(X, y if made.task == "classification" else y.astype(float))
    for person in range(LEAVING):
        learner.forget([person])
    learner.serve().predict(X)
