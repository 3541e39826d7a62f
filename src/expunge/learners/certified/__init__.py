"""Learners whose forgetting is certified: (ε, δ), by a Newton step under noise in the objective (ADR 37).

`objective` is what is minimised and how, `bound` how long the gradient is at most where a step ends, `budget` how much
of that the noise covers, `learner` the contract over them; the rest says which features there are.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expunge.learners.certified.head import CertifiedLinearHead
    from expunge.learners.certified.logistic import CertifiedLogisticRegression

__all__ = ["CertifiedLinearHead", "CertifiedLogisticRegression"]

_HOMES = {"CertifiedLinearHead": "head", "CertifiedLogisticRegression": "logistic"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
