"""Models that learn from people and can forget them.

``base`` is the contract, ``checks`` tests it, ``exact`` holds the learners whose forgetting equals a refit byte for
byte, ``certified`` those whose forgetting keeps within (ε, δ), ``registry`` finds them by name, ``state`` saves what
they need in order to forget, ``served`` what they need in order to predict, ``encoding`` turns tables into integers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from expunge.errors import LearnerCheckError

if TYPE_CHECKING:
    from expunge.learners.base import ForgetReport, Learner
    from expunge.learners.checks import check_learner
    from expunge.learners.registry import LEARNERS, create
    from expunge.learners.served import ServedModel, digest_of_files
    from expunge.learners.state import dump, load

__all__ = [
    "LEARNERS",
    "ForgetReport",
    "Learner",
    "LearnerCheckError",
    "ServedModel",
    "check_learner",
    "create",
    "digest_of_files",
    "dump",
    "load",
]

_HOMES = {
    "LEARNERS": "registry",
    "ForgetReport": "base",
    "Learner": "base",
    "ServedModel": "served",
    "check_learner": "checks",
    "create": "registry",
    "digest_of_files": "served",
    "dump": "state",
    "load": "state",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
