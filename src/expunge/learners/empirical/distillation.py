"""Forgetting by distillation: a student that keeps to its teacher on who stays, and away from it on who leaves."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from expunge.errors import InputError
from expunge.learners.empirical.bounds import bounded, rate, rounds
from expunge.learners.empirical.method import Job, Method, descend, divergence, in_turn


@dataclass(frozen=True)
class Scrub(Method):
    """Disobey the teacher on who leaves, obey it on who stays (SCRUB: Kurmanji et al. 2023, arXiv 2302.09880).

    Each epoch begins with a pass up the divergence on those who leave, for the first `msteps` epochs, and goes on with
    one down on those who stay. Rewinding (SCRUB+R) is not done.

    Parameters
    ----------
    alpha : float
        Weight of the divergence from the teacher on who stays.
    gamma : float
        Weight of the loss on who stays.
    msteps : int
        Epochs that begin with a pass on who leaves.
    epochs : int
    lr : float
        Learning rate.
    kd_T : float
        Temperature of the divergence.
    """

    name: ClassVar[str] = "scrub"

    alpha: float = bounded(0.5, 0.0, 1e3)
    gamma: float = bounded(1.0, 0.0, 1e3)
    msteps: int = rounds(2)
    epochs: int = rounds(3)
    lr: float = rate(0.01)
    kd_T: float = bounded(2.0, 0.1, 100.0)  # noqa: N815  # the paper's name

    def _forget(self, job: Job) -> None:
        def obey(X: Any, y: Any) -> Any:
            outputs = job.model(X)
            return self.alpha * self._apart(job, X, outputs) + self.gamma * job.loss(outputs, y)

        def disobey(X: Any, _y: Any) -> Any:
            return -self._apart(job, X, job.model(X))

        for epoch in range(self.epochs):
            if epoch < self.msteps:
                descend(job, disobey, lambda: job.forget, lr=self.lr, epochs=1)
            descend(job, obey, lambda: job.retain, lr=self.lr, epochs=1)

    def _apart(self, job: Job, X: Any, outputs: Any) -> Any:
        with torch.no_grad():
            taught = job.original(X)
        return divergence(outputs, taught, self.kd_T)


@dataclass(frozen=True)
class BadTeacher(Method):
    """Learn from a random network on who leaves, from the model on who stays (Chundawat et al. 2023, arXiv 2205.08096).

    Parameters
    ----------
    KL_temperature : float
        Temperature of the divergence.
    epochs : int
    lr : float
        Learning rate.
    """

    name: ClassVar[str] = "bad-teacher"

    KL_temperature: float = bounded(1.0, 0.1, 100.0)
    epochs: int = rounds(1)
    lr: float = rate(1e-3)

    def _forget(self, job: Job) -> None:
        incompetent = drawn_anew(job.original)

        def objective(X: Any, _y: Any, leaves: bool) -> Any:
            with torch.no_grad():
                taught = incompetent(X) if leaves else job.original(X)
            return divergence(job.model(X), taught, self.KL_temperature)

        descend(job, objective, in_turn(job), lr=self.lr, epochs=self.epochs)


def drawn_anew(model: Any) -> Any:
    """Return a network of the same form that learned nothing.

    Raises
    ------
    InputError
        Where a parameter belongs to no layer that can draw it (`reset_parameters`).
    """
    fresh = copy.deepcopy(model)
    drawn: set[int] = set()
    for layer in fresh.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
            drawn |= {id(one) for one in layer.parameters()}
    if any(id(one) not in drawn for one in fresh.parameters()):
        raise InputError("a parameter belongs to no layer that draws it.", mend="Give its module reset_parameters().")
    return fresh.eval()
