"""What training added to the weights, batch by batch, and whose rows the batch had: for a method that takes it back.

Invariants
----------
- The sum of all steps is what training added to the weights at which it began.
- Steps in which a subject who left had a part are gone with them. (They hold gradients of that subject's rows.)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True, eq=False)
class History:
    """Steps of a training. Personal data, and large: as many numbers as weights, for each batch.

    Parameters
    ----------
    present : ndarray of bool (n_steps, n_subjects)
        Who had rows in the step's batch.
    steps : ndarray of float32 (n_steps, n_weights)
        What the step added, all parameters one after another.
    """

    present: npt.NDArray[np.bool_]
    steps: npt.NDArray[np.float32]

    def taken(self, leaving: Collection[int]) -> npt.NDArray[np.float32]:
        """Return the sum of the steps in which any of some subjects, by place, had a part: (n_weights,)."""
        theirs = self.present[:, sorted(leaving)].any(axis=1)
        return np.asarray(self.steps[theirs].sum(axis=0, dtype=np.float64), dtype=np.float32)

    def without(self, leaving: Collection[int]) -> History:
        """Return what is left when subjects, by place, leave: neither they nor their steps."""
        stays = ~self.present[:, sorted(leaving)].any(axis=1)
        others = np.delete(self.present, sorted(leaving), axis=1)
        return replace(self, present=others[stays], steps=self.steps[stays])

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return it as a state saves it: the steps' bits as integers."""
        return {"present": self.present.astype(np.uint8), "steps": self.steps.view(np.int32)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]], n_subjects: int) -> Self:
        """Read what `to_arrays` wrote; KeyError or ValueError where it is not that."""
        found = cls(arrays["present"].astype(np.bool_), arrays["steps"].view(np.float32))
        if found.present.shape != (len(found.steps), n_subjects) or found.steps.ndim != 2:
            raise ValueError("the steps are not those of these subjects")
        return found


class Recorder:
    """Keeps a history while a network is trained: hand `note` to `expunge.learners.training.train`.

    Parameters
    ----------
    module : torch.nn.Module
        About to be trained.
    owners : ndarray of int (n_rows,)
        Each row's subject, by place.
    n_subjects : int
    """

    def __init__(self, module: Any, owners: npt.NDArray[Any], n_subjects: int) -> None:
        self._module = module
        self._owners = owners
        self._n_subjects = n_subjects
        self._last = flat(module)
        self._present: list[npt.NDArray[np.bool_]] = []
        self._steps: list[npt.NDArray[np.float32]] = []

    def note(self, batch: Any) -> None:
        """Note what the step just made added, and for whose rows."""
        now = flat(self._module)
        there = np.zeros(self._n_subjects, np.bool_)
        there[self._owners[batch.numpy()]] = True
        self._present.append(there)
        self._steps.append((now - self._last).numpy())
        self._last = now

    def history(self) -> History:
        """Return what was noted."""
        return History(np.array(self._present), np.array(self._steps))


def flat(module: Any) -> Any:
    """Return a copy of all parameters, one after another: float32 (n_weights,)."""
    return torch.cat([one.detach().flatten() for one in module.parameters()]).clone()


def parted(module: Any, values: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Return numbers for all parameters by name, each as its parameter is shaped."""
    named = dict(module.named_parameters())
    parts = torch.from_numpy(values).split([one.numel() for one in named.values()])
    return {name: part.view_as(one) for (name, one), part in zip(named.items(), parts, strict=True)}
