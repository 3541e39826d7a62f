"""Approximate unlearning for networks of PyTorch: fast, without proof, and never called more than that.

- ``method`` is the one interface, `Method.forget`; ``gradient``, ``distillation``, ``dampening`` and ``pruning`` are
  its families, ``methods`` finds one by name.
- ``classifier`` keeps the learner contract with them; ``history`` holds steps of training for the method that takes
  them back.

What they achieve is measured by `expunge.verification`, beside networks that were trained again: ``expunge bench
unlearning``. Needs the extra ``torch``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from expunge.learners.served.boosters import load_library
from expunge.learners.served.network import EXTRA

if TYPE_CHECKING:
    from expunge.learners.empirical.classifier import TorchClassifier
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
    from expunge.learners.empirical.methods import METHODS, create, method_names
    from expunge.learners.empirical.pruning import L1Sparse, PruneFineTune, SalUn

load_library("torch", EXTRA)  # whatever of it is imported: it says what to install, where that is not

__all__ = [
    "METHODS",
    "Amnesiac",
    "BadTeacher",
    "FineTune",
    "FisherForgetting",
    "GradientAscent",
    "Influence",
    "L1Sparse",
    "LastK",
    "Method",
    "NegGradPlus",
    "PruneFineTune",
    "RandomLabels",
    "SalUn",
    "Scrub",
    "SelectiveSynapticDampening",
    "TorchClassifier",
    "create",
    "method_names",
]

_HOMES = {
    "METHODS": "methods",
    "Amnesiac": "gradient",
    "BadTeacher": "distillation",
    "FineTune": "gradient",
    "FisherForgetting": "dampening",
    "GradientAscent": "gradient",
    "Influence": "gradient",
    "L1Sparse": "pruning",
    "LastK": "gradient",
    "Method": "method",
    "NegGradPlus": "gradient",
    "PruneFineTune": "pruning",
    "RandomLabels": "gradient",
    "SalUn": "pruning",
    "Scrub": "distillation",
    "SelectiveSynapticDampening": "dampening",
    "TorchClassifier": "classifier",
    "create": "methods",
    "method_names": "methods",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
