"""One interface over every method that makes a network forget: `Method.forget`.

Invariants
----------
- The model that is handed in is not changed; what is returned is another one, in evaluation mode.
- Equal models, rows and seeds give equal weights on the processor: one thread, PyTorch's deterministic algorithms, and
  its generator put back afterwards.
- No method proves anything. What one did is measured (`expunge.verification`), against models that were trained again.

A loader is anything that can be iterated over again and again, and gives batches (inputs, targets): a
`torch.utils.data.DataLoader`, or `expunge.learners.training.Batches`. Batches go to the device that the model is on.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, fields
from itertools import chain, repeat
from typing import Any, ClassVar, Final, TypeAlias

import torch
from rich.progress import track
from torch.nn import functional

from expunge.errors import InputError
from expunge.learners.training import pinned
from expunge.learners.values import Scalar

Loss: TypeAlias = Callable[[Any, Any], Any]
"""Of (outputs, targets): the mean over the rows."""
Batch: TypeAlias = tuple[Any, Any]
Steps: TypeAlias = Mapping[str, Any]
"""Name of a parameter -> what was added to it, as `expunge.learners.empirical.history` keeps it."""

MOMENTUM: Final = 0.9


@dataclass(frozen=True, eq=False)
class Job:
    """What one forgetting works on.

    Parameters
    ----------
    model : torch.nn.Module
        The copy that is changed in place.
    original : torch.nn.Module
        As it was, in evaluation mode.
    forget, retain : iterable of (inputs, targets)
    loss : callable
    steps : mapping of str to Tensor, or None
        What training added with those who leave.
    shown : callable of iterable, giving an iterable
        Moves a bar.
    """

    model: Any
    original: Any
    forget: Iterable[Batch]
    retain: Iterable[Batch]
    loss: Loss
    steps: Steps | None
    shown: Callable[[Iterable[Any]], Iterable[Any]]


@dataclass(frozen=True)
class Method(ABC):
    """A way to make a network forget; its fields are the hyperparameters, named as the paper names them."""

    name: ClassVar[str]
    """On the command line and in the benchmark."""

    needs_steps: ClassVar[bool] = False
    """Whether training must have kept its steps (`expunge.learners.empirical.history.History`)."""

    def __post_init__(self) -> None:
        """Refuse hyperparameters out of bounds."""
        for own in fields(self):
            low, high = own.metadata.get("bounds", (-math.inf, math.inf))
            value, whole = getattr(self, own.name), own.type in {"int", int}
            kinds = int if whole else int | float
            if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
                raise InputError(
                    f"{own.name}={value!r} is out of bounds for method {self.name!r}.",
                    mend=f"Give {'an integer' if whole else 'a number'} from {low} to {high}.",
                )

    def forget(
        self,
        model: Any,
        forget_loader: Iterable[Batch],
        retain_loader: Iterable[Batch],
        *,
        loss: Loss = functional.cross_entropy,
        seed: int = 0,
        steps: Steps | None = None,
        progress: bool = False,
    ) -> Any:
        """Return a model on which some rows have less influence.

        Parameters
        ----------
        model : torch.nn.Module
            Trained on the rows of both loaders.
        forget_loader, retain_loader : iterable of (inputs, targets)
            Rows of those who leave, and of those who stay.
        loss : callable of (outputs, targets), giving a scalar Tensor
            What it was trained by; methods that compare classes take outputs to be scores of classes.
        seed : int
            Of all that is drawn.
        steps : mapping of str to Tensor, or None
            What training added to each parameter with those who leave, for a method that takes it back.
        progress : bool
            Whether to show a bar.

        Returns
        -------
        torch.nn.Module

        Raises
        ------
        InputError
            Where a loader is empty, steps are wanted and not given, or weights do not stay finite.
        """
        if self.needs_steps and steps is None:
            raise InputError(
                f"method {self.name!r} takes back steps of training, and none are given.",
                mend="Keep them with `History` while training, and give `steps`.",
            )
        with pinned(seed):
            for who, loader in (("forget", forget_loader), ("retain", retain_loader)):
                if next(iter(loader), None) is None:
                    raise InputError(f"the {who} loader is empty.", mend="Give rows of those who leave and who stay.")
            original, changed = copy.deepcopy(model).eval(), copy.deepcopy(model)
            device = next(changed.parameters()).device
            loaders = (_Placed(forget_loader, device), _Placed(retain_loader, device))
            self._forget(Job(changed, original, *loaders, loss, steps, self._bar if progress else iter))
        changed.eval()
        if not all(bool(torch.isfinite(one).all()) for one in changed.state_dict().values()):
            raise InputError(f"under {self!r} a weight is not finite; it diverged.", mend="Lower the rate.")
        return changed

    @abstractmethod
    def _forget(self, job: Job) -> None:
        """Change ``job.model`` in place."""

    def hyperparameters(self) -> dict[str, Scalar]:
        """Return the hyperparameters by name."""
        return {own.name: getattr(self, own.name) for own in fields(self)}

    def _bar(self, batches: Iterable[Any]) -> Iterable[Any]:
        return track(batches, description=self.name, total=len(batches) if isinstance(batches, Sized) else None)


@dataclass(frozen=True, eq=False)
class _Placed:
    """A loader whose batches go to a device."""

    loader: Any
    device: Any

    def __iter__(self) -> Iterator[Batch]:
        for inputs, targets in self.loader:
            yield inputs.to(self.device), targets.to(self.device)

    def __len__(self) -> int:
        return len(self.loader)


def descend(
    job: Job,
    objective: Callable[..., Any],
    over: Callable[[], Iterable[Any]],
    *,
    lr: float,
    epochs: int,
    masks: Mapping[str, Any] | None = None,
    epoch_begins: Callable[[int], None] = lambda _: None,
) -> None:
    """Go down an objective of batches by stochastic gradients with momentum.

    Parameters
    ----------
    job : Job
    objective : callable
        Of what `over` gives, unpacked; gives a scalar Tensor.
    over : callable giving an iterable of tuples
        The batches of one epoch.
    lr : float
    epochs : int
    masks : mapping of str to Tensor, or None
        Name of a parameter -> where it may move: 1, or 0.
    epoch_begins : callable of (int)
    """
    named = [(name, one) for name, one in job.model.named_parameters() if one.requires_grad]
    optimizer = torch.optim.SGD([one for _, one in named], lr=lr, momentum=MOMENTUM)
    job.model.train()
    for epoch in range(epochs):
        epoch_begins(epoch)
        for batch in job.shown(over()):
            optimizer.zero_grad()
            objective(*batch).backward()
            for name, one in named if masks is not None else ():
                if one.grad is not None and masks is not None:
                    one.grad.mul_(masks[name])
            optimizer.step()


def paired(first: Iterable[Batch], second: Iterable[Batch]) -> Callable[[], Iterable[Any]]:
    """Return what gives each batch of the first with one of the second, which is gone through again where it ends."""
    return lambda: ((*one, *other) for one, other in zip(first, chain.from_iterable(repeat(second)), strict=False))


def in_turn(job: Job) -> Callable[[], Iterable[Any]]:
    """Return what gives each batch of those who leave, then each of those who stay, and whether it is of the first."""
    return lambda: chain(((X, y, True) for X, y in job.forget), ((X, y, False) for X, y in job.retain))


def relabelled(outputs: Any, targets: Any) -> Any:
    """Draw for each row another class than its own, all others being as likely: int64 (n_rows,)."""
    n_classes = outputs.shape[1]
    if n_classes < 2:
        raise InputError("there is one class, and no other to draw.", mend="Take a method that needs no classes.")
    return (targets + torch.randint(1, n_classes, targets.shape, device="cpu").to(targets.device)) % n_classes


def divergence(outputs: Any, teacher: Any, temperature: float) -> Any:
    """Return how far softened outputs are from a teacher's (Kullback-Leibler; Hinton et al. 2015), mean over rows."""
    return (
        functional.kl_div(
            functional.log_softmax(outputs / temperature, dim=1),
            functional.log_softmax(teacher / temperature, dim=1),
            reduction="batchmean",
            log_target=True,
        )
        * temperature**2
    )
