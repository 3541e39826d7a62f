"""Methods by name: ours, and those that other packages register under ``expunge.methods``.

[project.entry-points."expunge.methods"]
boundary = "their_package:BoundaryShrink"
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any, Final

from expunge.errors import InputError, NotFoundError
from expunge.learners.empirical.dampening import FisherForgetting, SelectiveSynapticDampening
from expunge.learners.empirical.distillation import BadTeacher, Scrub
from expunge.learners.empirical.gradient import (
    Amnesiac,
    FineTune,
    GradientAscent,
    Influence,
    LastK,
    NegGradPlus,
    RandomLabels,
)
from expunge.learners.empirical.method import Method
from expunge.learners.empirical.pruning import L1Sparse, PruneFineTune, SalUn

GROUP: Final = "expunge.methods"

METHODS: Final[dict[str, type[Method]]] = {
    one.name: one
    for one in (
        FineTune,
        GradientAscent,
        NegGradPlus,
        RandomLabels,
        Amnesiac,
        Influence,
        LastK,
        Scrub,
        BadTeacher,
        SelectiveSynapticDampening,
        FisherForgetting,
        L1Sparse,
        PruneFineTune,
        SalUn,
    )
}
"""Those that are built in."""


def method_names() -> list[str]:
    """Return all names that `create` takes: ours in the order of their families, then others'."""
    return [*METHODS, *sorted(point.name for point in entry_points(group=GROUP) if point.name not in METHODS)]


def create(name: str, **hyperparameters: Any) -> Method:
    """Make a method by its name.

    Raises
    ------
    NotFoundError
        Where there is none of this name.
    InputError
        Where it does not take these hyperparameters, or what is registered is no method.

    Examples
    --------
    >>> create("neggrad", alpha=0.9)
    NegGradPlus(alpha=0.9, lr=0.01, epochs=2)
    """
    found = METHODS.get(name) or _registered(name)
    try:
        return found(**hyperparameters)
    except TypeError as error:
        known = sorted(found().hyperparameters())
        raise InputError(f"method {name!r}: {error}.", mend=f"It takes {known}.") from error


def _registered(name: str) -> type[Method]:
    points = {point.name: point for point in entry_points(group=GROUP)}
    if name not in points:
        raise NotFoundError(f"there is no method {name!r}.", mend=f"Methods are: {', '.join(method_names())}.")
    found = points[name].load()
    if not (isinstance(found, type) and issubclass(found, Method)):
        raise InputError(f"{name!r} is registered as a method and is {found!r}.", mend="Register a Method class.")
    return found
