"""How a network of PyTorch learns here: seeded for itself alone, on one thread, by the deterministic algorithms.

What is drawn (weights, the order of rows in each epoch, whatever a module draws) comes from PyTorch's own generator,
which is put back afterwards. So what comes out is a function of rows and seed, wherever PyTorch's kernels are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from expunge.learners.served.boosters import load_library
from expunge.learners.served.network import EXTRA

THREADS: Final = 1


@contextmanager
def pinned(seed: int) -> Iterator[None]:
    """Pin what learning depends on, and leave it as it was."""
    torch = load_library("torch", EXTRA)
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    with torch.random.fork_rng(devices=[]), torch.device("cpu"), torch.enable_grad():
        torch.manual_seed(seed)
        torch.set_num_threads(THREADS)
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            torch.set_default_dtype(dtype)
            torch.use_deterministic_algorithms(strict, warn_only=warns)


def train(
    module: Any,
    optimizer: Any,
    loss: Callable[[Any, Any], Any],
    rows: tuple[Any, Any],
    epochs: int,
    size: int,
    noted: Callable[[Any], None] = lambda _: None,
) -> None:
    """Train a module in place.

    Parameters
    ----------
    module : torch.nn.Module
    optimizer : torch.optim.Optimizer
        Of the module's parameters.
    loss : callable of (outputs, targets), giving a scalar Tensor
    rows : tuple of Tensor
        Inputs and targets.
    epochs : int
    size : int
        Rows of a batch; their order is drawn anew for each epoch.
    noted : callable of (Tensor)
        Is told after each step whose rows the batch had: their places.
    """
    torch, (X, y) = load_library("torch", EXTRA), rows
    module.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(X)).split(size):

            def closure(batch: Any = batch) -> Any:
                optimizer.zero_grad()
                found = loss(module(X[batch]), y[batch])
                found.backward()
                return found

            optimizer.step(closure)
            noted(batch)


@dataclass(frozen=True, eq=False)
class Batches:
    """Rows in memory as a loader: as `torch.utils.data.DataLoader`, without handling each row.

    Parameters
    ----------
    inputs, targets : Tensor (n_rows, ...)
    size : int
        Rows of a batch.
    shuffled : bool
        Whether their order is drawn anew each time, by PyTorch's generator.

    Examples
    --------
    >>> import torch
    >>> [len(targets) for _, targets in Batches(torch.zeros(5, 2), torch.zeros(5), 2, shuffled=False)]
    [2, 2, 1]
    """

    inputs: Any
    targets: Any
    size: int
    shuffled: bool = True

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        torch, n_rows = load_library("torch", EXTRA), len(self.targets)
        order = torch.randperm(n_rows) if self.shuffled else torch.arange(n_rows)
        for batch in order.split(self.size):
            yield self.inputs[batch], self.targets[batch]

    def __len__(self) -> int:
        return (len(self.targets) + self.size - 1) // self.size
