"""Forgetting by Fisher information: weights that matter to who leaves are made smaller, or noisier."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import torch
from torch.func import functional_call, grad, vmap

from expunge.learners.empirical.bounds import bounded
from expunge.learners.empirical.method import Batch, Job, Method

_TINY: Final = 1e-30
_ROWS: Final = 256
"""Rows whose gradients are held at once."""


@dataclass(frozen=True)
class SelectiveSynapticDampening(Method):
    """Make smaller what matters to who leaves more than to all (SSD: Foster et al., AAAI 2024, arXiv 2308.07707).

    A weight shrinks by ``min(lambda_ I / I_forget, 1)`` where ``I_forget > alpha I``; I is the diagonal of the
    empirical Fisher information, over all rows and over those who leave.

    Parameters
    ----------
    alpha : float
        How many times as much it must matter, to be chosen.
    lambda_ : float
        How strongly it shrinks: the smaller, the more. (The paper's lambda, which Python has for itself.)
    """

    name: ClassVar[str] = "ssd"

    alpha: float = bounded(5.0, 1e-3, 1e6)
    lambda_: float = bounded(1.0, 0.0, 1e6)

    def _forget(self, job: Job) -> None:
        model = job.model.eval()
        leaving, n_leaving = information(model, job.forget, job, lambda _, y: y)
        staying, n_staying = information(model, job.retain, job, lambda _, y: y)
        with torch.no_grad():
            for name, one in model.named_parameters():
                of_all = (leaving[name] * n_leaving + staying[name] * n_staying) / (n_leaving + n_staying)
                shrunk = (self.lambda_ * of_all / leaving[name].clamp_min(_TINY)).clamp_max(1.0)
                one.mul_(torch.where(leaving[name] > self.alpha * of_all, shrunk, torch.ones_like(one)))


@dataclass(frozen=True)
class FisherForgetting(Method):
    """Add noise where who stays needs no precision (Golatkar et al., CVPR 2020, arXiv 1911.04933).

    A weight gets Gaussian noise of variance ``alpha / F``, at most `most` of its own square mean: F is the diagonal of
    the Fisher information over those who stay, for labels drawn from the model's own probabilities.

    Parameters
    ----------
    alpha : float
        How much noise.
    most : float
        Largest variance, as a share of the mean square of the parameter's weights.
    """

    name: ClassVar[str] = "fisher"

    alpha: float = bounded(1e-5, 0.0, 1e6)
    most: float = bounded(0.1, 0.0, 1e6)

    def _forget(self, job: Job) -> None:
        def drawn(outputs: Any, _y: Any) -> Any:
            return torch.multinomial(torch.softmax(outputs, dim=1), 1)[:, 0]

        model = job.model.eval()
        staying, _ = information(model, job.retain, job, drawn)
        with torch.no_grad():
            for name, one in model.named_parameters():
                variance = (self.alpha / staying[name].clamp_min(_TINY)).clamp_max(self.most * float((one**2).mean()))
                one.add_(torch.randn(one.shape).to(one.device) * variance.sqrt())


def information(
    model: Any, batches: Iterable[Batch], job: Job, labels: Callable[[Any, Any], Any]
) -> tuple[dict[str, Any], int]:
    """Return the diagonal of the Fisher information, the mean over rows of squared gradients, row by row.

    Parameters
    ----------
    model : torch.nn.Module
        In evaluation mode.
    batches : iterable of (inputs, targets)
    job : Job
        For its loss.
    labels : callable of (outputs, targets), giving a Tensor
        The labels to take gradients for.

    Returns
    -------
    dict of str to Tensor
        Name of a parameter -> Tensor of its shape.
    int
        How many rows there were.
    """
    at = {name: one.detach() for name, one in model.named_parameters()}
    still = {name: one.detach() for name, one in model.named_buffers()}

    def of_row(where: dict[str, Any], x: Any, y: Any) -> Any:
        return job.loss(functional_call(model, (where, still), (x[None],)), y[None])

    gradients = vmap(grad(of_row), in_dims=(None, 0, 0))
    total, n_rows = {name: torch.zeros_like(one) for name, one in at.items()}, 0
    for inputs, targets in batches:
        for X, y in zip(inputs.split(_ROWS), targets.split(_ROWS), strict=True):
            with torch.no_grad():
                wanted = labels(model(X), y)
            found = gradients(at, X, wanted)
            total = {name: total[name] + (found[name] ** 2).sum(dim=0) for name in total}
            n_rows += len(y)
    return {name: one / n_rows for name, one in total.items()}, n_rows
