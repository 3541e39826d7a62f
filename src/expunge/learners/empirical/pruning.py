"""Forgetting by sparsity: fewer weights remember less, and those that who leaves needs most are found and moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from expunge.learners.empirical.bounds import bounded, rate, rounds, share
from expunge.learners.empirical.method import Job, Method, descend, in_turn, relabelled


@dataclass(frozen=True)
class L1Sparse(Method):
    """Train on who stays under a penalty on the size of all weights (l1-sparse: Jia et al. 2023, arXiv 2304.04934).

    The penalty goes down to nothing over the epochs, in even steps, as in the paper's experiments.

    Parameters
    ----------
    gamma : float
        Weight of the sum of absolute weights, at first.
    lr : float
        Learning rate.
    epochs : int
    """

    name: ClassVar[str] = "sparse"

    gamma: float = bounded(5e-4, 0.0, 1.0)
    lr: float = rate(0.05)
    epochs: int = rounds(3)

    def _forget(self, job: Job) -> None:
        weight = self.gamma

        def begins(epoch: int) -> None:
            nonlocal weight
            weight = self.gamma * (1 - epoch / self.epochs)

        def objective(X: Any, y: Any) -> Any:
            size = sum(one.abs().sum() for one in job.model.parameters())
            return job.loss(job.model(X), y) + weight * size

        descend(job, objective, lambda: job.retain, lr=self.lr, epochs=self.epochs, epoch_begins=begins)


@dataclass(frozen=True)
class PruneFineTune(Method):
    """Set the smallest weights to 0 for good, then train the others on who stays (Jia et al. 2023, arXiv 2304.04934).

    The paper prunes first, and then unlearns by fine-tuning.

    Parameters
    ----------
    sparsity : float
        Share of the weights (not of the biases) that go, over all layers together.
    lr : float
        Learning rate.
    epochs : int
    """

    name: ClassVar[str] = "prune"

    sparsity: float = share(0.9)
    lr: float = rate(0.05)
    epochs: int = rounds(3)

    def _forget(self, job: Job) -> None:
        sizes = {name: one.detach().abs() for name, one in job.model.named_parameters() if one.ndim > 1}
        kept = largest(sizes, 1 - self.sparsity)
        masks = {name: kept.get(name, torch.ones_like(one)) for name, one in job.model.named_parameters()}
        with torch.no_grad():
            for name, one in job.model.named_parameters():
                one.mul_(masks[name])
        descend(
            job, lambda X, y: job.loss(job.model(X), y), lambda: job.retain, lr=self.lr, epochs=self.epochs, masks=masks
        )


@dataclass(frozen=True)
class SalUn(Method):
    """Move only weights that matter to who leaves, to random labels (SalUn: Fan et al. 2024, arXiv 2310.12508).

    Parameters
    ----------
    threshold : float
        Share of the weights that may move: those with the largest gradients of the loss of who leaves.
    alpha : float
        Weight of the loss on who stays.
    lr : float
        Learning rate.
    epochs : int
    """

    name: ClassVar[str] = "salun"

    threshold: float = share(0.5)
    alpha: float = bounded(1.0, 0.0, 1e3)
    lr: float = rate(1e-3)
    epochs: int = rounds(1)

    def _forget(self, job: Job) -> None:
        def objective(X: Any, y: Any, leaves: bool) -> Any:
            outputs = job.model(X)
            return job.loss(outputs, relabelled(outputs, y)) if leaves else self.alpha * job.loss(outputs, y)

        masks = largest(_saliency(job), self.threshold)
        descend(job, objective, in_turn(job), lr=self.lr, epochs=self.epochs, masks=masks)


def largest(sizes: dict[str, Any], kept: float) -> dict[str, Any]:
    """Return 1 for the given share of the largest entries of all tensors together, else 0; of equal ones the first.

    Examples
    --------
    >>> found = largest({"a": torch.tensor([3.0, 1.0]), "b": torch.tensor([2.0])}, 2 / 3)
    >>> found["a"].tolist(), found["b"].tolist()
    ([1.0, 0.0], [1.0])
    """
    flat = torch.cat([one.flatten() for one in sizes.values()])
    chosen = torch.argsort(flat, descending=True, stable=True)[: round(kept * len(flat))]
    mask = torch.zeros_like(flat).index_fill_(0, chosen, 1.0)
    parts = mask.split([one.numel() for one in sizes.values()])
    return {name: part.view_as(one) for (name, one), part in zip(sizes.items(), parts, strict=True)}


def _saliency(job: Job) -> dict[str, Any]:
    """Return the absolute gradient of the loss of who leaves, for each weight."""
    model = job.model.eval()
    model.zero_grad()
    for X, y in job.forget:
        (job.loss(model(X), y) * len(y)).backward()
    found = {name: one.grad.detach().abs() for name, one in model.named_parameters()}
    model.zero_grad()
    return found
