"""Forgetting by gradients: down on who stays, up on who leaves, or back along the steps of training."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Final

import torch

from expunge.errors import InputError
from expunge.learners.empirical.bounds import bounded, rate, rounds, share
from expunge.learners.empirical.method import Batch, Job, Method, descend, in_turn, paired, relabelled

Vector = dict[str, Any]
"""Name of a parameter -> Tensor of its shape."""

_SMALL: Final = 1e-12


@dataclass(frozen=True)
class FineTune(Method):
    """Train on the rows that stay, and hope that the others fade (Golatkar et al., CVPR 2020, arXiv 1911.04933).

    Parameters
    ----------
    lr : float
        Learning rate.
    epochs : int
    """

    name: ClassVar[str] = "fine-tune"

    lr: float = rate(0.05)
    epochs: int = rounds(3)

    def _forget(self, job: Job) -> None:
        descend(job, lambda X, y: job.loss(job.model(X), y), lambda: job.retain, lr=self.lr, epochs=self.epochs)


@dataclass(frozen=True)
class GradientAscent(Method):
    """Go up the loss of the rows that leave (Graves et al. 2021, arXiv 2010.10981; Thudi et al., arXiv 2109.13398).

    Nothing holds the rest: too large a rate, or too many epochs, and the model is destroyed.

    Parameters
    ----------
    lr : float
        Learning rate.
    epochs : int
    """

    name: ClassVar[str] = "ascent"

    lr: float = rate(5e-4)
    epochs: int = rounds(2)

    def _forget(self, job: Job) -> None:
        descend(job, lambda X, y: -job.loss(job.model(X), y), lambda: job.forget, lr=self.lr, epochs=self.epochs)


@dataclass(frozen=True)
class NegGradPlus(Method):
    """Go down on who stays and up on who leaves at once (NegGrad+: Kurmanji et al., NeurIPS 2023, arXiv 2302.09880).

    Parameters
    ----------
    alpha : float
        Weight of those who stay, of 1.
    lr : float
        Learning rate.
    epochs : int
    """

    name: ClassVar[str] = "neggrad"

    alpha: float = share(0.88)
    lr: float = rate(0.01)
    epochs: int = rounds(2)

    def _forget(self, job: Job) -> None:
        def objective(X: Any, y: Any, X_forget: Any, y_forget: Any) -> Any:
            stay, leave = job.loss(job.model(X), y), job.loss(job.model(X_forget), y_forget)
            return self.alpha * stay - (1 - self.alpha) * leave

        descend(job, objective, paired(job.retain, job.forget), lr=self.lr, epochs=self.epochs)


@dataclass(frozen=True)
class RandomLabels(Method):
    """Train on, with labels drawn at random for those who leave (Golatkar et al., CVPR 2020, arXiv 1911.04933).

    Parameters
    ----------
    lr : float
        Learning rate.
    epochs : int
    """

    name: ClassVar[str] = "random-labels"

    lr: float = rate(1e-3)
    epochs: int = rounds(1)

    def _forget(self, job: Job) -> None:
        def objective(X: Any, y: Any, leaves: bool) -> Any:
            outputs = job.model(X)
            return job.loss(outputs, relabelled(outputs, y) if leaves else y)

        descend(job, objective, in_turn(job), lr=self.lr, epochs=self.epochs)


@dataclass(frozen=True)
class Amnesiac(Method):
    """Take back the steps of batches with rows that leave (Graves et al., AAAI 2021, arXiv 2010.10981), then repair.

    A batch is taken back whole, with all who stood in it: where many leave, little of the training is left, and the
    repair is what learns.

    Parameters
    ----------
    lr : float
        Learning rate of the repair.
    epochs : int
        Of the repair on who stays.
    """

    name: ClassVar[str] = "amnesiac"
    needs_steps: ClassVar[bool] = True

    lr: float = rate(0.1)
    epochs: int = rounds(3)

    def _forget(self, job: Job) -> None:
        with torch.no_grad():
            for name, one in job.model.named_parameters():
                one.sub_((job.steps or {})[name].to(one.device))
        descend(job, lambda X, y: job.loss(job.model(X), y), lambda: job.retain, lr=self.lr, epochs=self.epochs)


@dataclass(frozen=True)
class Influence(Method):
    """One Newton step away from who leaves (Koh and Liang, ICML 2017, arXiv 1703.04730; Izzo et al., AISTATS 2021).

    The curvature is the Gauss-Newton matrix over some batches of those who stay, damped; the step is solved for by
    conjugate gradients (Martens, ICML 2010). A network is no convex model at its optimum: the step is a guess.

    Parameters
    ----------
    damping : float
        Added to the curvature's diagonal.
    n_iterations : int
        Of conjugate gradients, at most.
    n_batches : int
        Batches that the curvature is read from.
    """

    name: ClassVar[str] = "influence"

    damping: float = bounded(0.03, 1e-8, 1e6)
    n_iterations: int = rounds(10)
    n_batches: int = rounds(8)

    def _forget(self, job: Job) -> None:
        job.model.eval()
        upward, n_leaving = _gradient(job, job.forget)
        n_staying = sum(len(y) for _, y in job.retain)
        curvature = _gauss_newton(job, list(islice(job.retain, self.n_batches)), self.damping)
        step = conjugate_gradients(curvature, upward, self.n_iterations)
        with torch.no_grad():
            for name, one in job.model.named_parameters():
                one.add_(step[name] * (n_leaving / n_staying))


@dataclass(frozen=True)
class LastK(Method):
    """Draw the last k layers anew and train them alone on who stays (EU-k: Goel et al., arXiv 2201.06640).

    What the layers before learned stays.

    Parameters
    ----------
    k : int
        Layers with weights, counted from the last.
    lr : float
        Learning rate.
    epochs : int
    """

    name: ClassVar[str] = "last-k"

    k: int = rounds(1)
    lr: float = rate(0.05)
    epochs: int = rounds(4)

    def _forget(self, job: Job) -> None:
        layers = [one for one in job.model.modules() if hasattr(one, "reset_parameters")]
        if self.k > len(layers):
            raise InputError(f"k={self.k}, and the network has {len(layers)} layers.", mend="Give fewer.")
        moving = [one for one in job.model.parameters() if one.requires_grad]
        job.model.requires_grad_(False)
        for layer in layers[-self.k :]:
            layer.reset_parameters()
            layer.requires_grad_(True)
        descend(job, lambda X, y: job.loss(job.model(X), y), lambda: job.retain, lr=self.lr, epochs=self.epochs)
        for one in moving:
            one.requires_grad_(True)


def _gradient(job: Job, batches: Iterable[Batch]) -> tuple[Vector, int]:
    """Return the mean gradient of the loss over rows, and how many rows there are."""
    named = dict(job.model.named_parameters())
    total, n_rows = {name: torch.zeros_like(one) for name, one in named.items()}, 0
    for X, y in batches:
        found = torch.autograd.grad(job.loss(job.model(X), y) * len(y), list(named.values()))
        total = {name: total[name] + one for name, one in zip(total, found, strict=True)}
        n_rows += len(y)
    return {name: one / n_rows for name, one in total.items()}, n_rows


def _gauss_newton(job: Job, batches: list[Batch], damping: float) -> Callable[[Vector], Vector]:
    """Return what multiplies a vector by the damped Gauss-Newton matrix, the mean over the rows of some batches.

    The matrix is ``J' H J``: J of the outputs by the weights, H of the loss by the outputs. ``J v`` is the derivative
    of ``J' u`` by u, along v.
    """
    named, n_rows = dict(job.model.named_parameters()), sum(len(y) for _, y in batches)
    weights = list(named.values())

    def times(v: Vector) -> Vector:
        total = {name: damping * one for name, one in v.items()}
        for X, y in batches:
            outputs = job.model(X)
            u = torch.zeros_like(outputs, requires_grad=True)
            back = torch.autograd.grad(outputs, weights, u, create_graph=True)
            (moved,) = torch.autograd.grad(back, u, list(v.values()), retain_graph=True)
            at = outputs.detach().requires_grad_()
            (slope,) = torch.autograd.grad(job.loss(at, y), at, create_graph=True)
            (bent,) = torch.autograd.grad(slope, at, moved)
            found = torch.autograd.grad(outputs, weights, bent)
            total = {name: total[name] + one * (len(y) / n_rows) for name, one in zip(total, found, strict=True)}
        return total

    return times


def conjugate_gradients(times: Callable[[Vector], Vector], b: Vector, n_iterations: int) -> Vector:
    """Solve ``A x = b`` for a positive definite A (Hestenes and Stiefel 1952).

    Examples
    --------
    >>> b = {"w": torch.tensor([2.0, 9.0]).double()}
    >>> conjugate_gradients(lambda v: {"w": v["w"] * torch.tensor([2.0, 3.0])}, b, 2)["w"].round(decimals=6).tolist()
    [1.0, 3.0]
    """
    x = {name: torch.zeros_like(one) for name, one in b.items()}
    rest, along = dict(b), dict(b)
    squared = _dot(rest, rest)
    for _ in range(n_iterations):
        if squared < _SMALL:
            break
        bent = times(along)
        size = squared / _dot(along, bent)
        x = {name: x[name] + size * along[name] for name in x}
        rest = {name: rest[name] - size * bent[name] for name in rest}
        before, squared = squared, _dot(rest, rest)
        along = {name: rest[name] + squared / before * along[name] for name in along}
    return x


def _dot(a: Vector, b: Vector) -> float:
    return float(sum((a[name].double() * b[name].double()).sum() for name in a))
