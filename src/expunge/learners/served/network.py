"""A network of PyTorch, as its arrays: the recipe that its name stands for says what they are.

``arrays.npz`` holds what ``arrays`` in ``model.json`` lists: ``module NAME`` of the module's state, and, where a fit is
to go on from here, ``optimizer NUMBER NAME`` of the optimiser's, by the number of its parameter. ``recipe`` is the
name. Regressions have ``centre`` and ``spread`` of the numbers that they learned. Nothing is unpickled, and PyTorch is
imported when something is predicted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from expunge.errors import CorruptedError
from expunge.learners import recipes
from expunge.learners.encoding.codes import ONE, Column, Scaled
from expunge.learners.encoding.columns import Cells
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.boosters import load_library
from expunge.learners.served.model import MEND, ServedModel, Signature
from expunge.learners.values import from_text, to_text

EXTRA: Final = "torch"
MODULE: Final = "module "
OPTIMIZER: Final = "optimizer "
_AT_ONCE: Final = 8192
"""Rows that are predicted together."""


@dataclass(frozen=True, eq=False)
class NetworkModel(ServedModel):
    """A network's arrays.

    Parameters
    ----------
    signature : Signature
    recipe : str
    arrays : mapping of str to ndarray of float64
    centre, spread : float
        A number is `centre` and `spread` times what the network says; 0 and 1 for classes.
    """

    kind: ClassVar[str] = "network"
    body_name: ClassVar[str] = "arrays.npz"

    signature: Signature
    recipe: str
    arrays: Mapping[str, npt.NDArray[np.float64]]
    centre: float = 0.0
    spread: float = 1.0

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return scores of classes, for two of them the second's less the first's; or numbers: (n_rows, n_scores)."""
        torch, X = load_library("torch", EXTRA), encoded(self.signature.columns, cells)
        with torch.inference_mode():
            parts = [self._module(torch.from_numpy(X[at : at + _AT_ONCE])) for at in range(0, max(len(X), 1), _AT_ONCE)]
        found = torch.cat(parts).double().numpy()
        if found.shape != (len(X), n_outputs(self.signature)):
            raise CorruptedError(f"the network gives {found.shape[1:]} for a row.", mend=MEND)
        if self.signature.words is None:
            return np.asarray(self.centre + self.spread * found)
        return found[:, 1:] - found[:, :1] if found.shape[1] == 2 else np.asarray(found)

    @cached_property
    def _module(self) -> Any:
        torch = load_library("torch", EXTRA)
        with torch.random.fork_rng(devices=[]):
            module = recipes.find(self.recipe).module(n_inputs(self.signature.columns), n_outputs(self.signature))
        try:
            module.load_state_dict(self.state(MODULE))
        except RuntimeError as error:
            raise CorruptedError(f"the arrays do not fit recipe {self.recipe!r} ({error}).", mend=MEND) from error
        return module.float().eval()

    def state(self, prefix: str) -> dict[str, Any]:
        """Return the arrays under a prefix as tensors."""
        torch = load_library("torch", EXTRA)
        found = {name.removeprefix(prefix): one for name, one in self.arrays.items() if name.startswith(prefix)}
        return {name: torch.from_numpy(one.copy()) for name, one in found.items()}

    def bare(self) -> NetworkModel:
        """Return what predicts: without the optimiser's state."""
        kept = {name: one for name, one in self.arrays.items() if name.startswith(MODULE)}
        return replace(self, arrays=kept)

    def facts(self) -> dict[str, Any]:
        """Return the recipe, the names of the arrays, and the numbers' centre and spread."""
        numbers = {"centre": to_text(self.centre), "spread": to_text(self.spread)}
        return {
            "recipe": self.recipe,
            "arrays": sorted(self.arrays),
            **(numbers if self.signature.words is None else {}),
        }

    def body(self) -> bytes:
        """Return the arrays."""
        return to_npz(self.arrays)

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `facts` and `body` wrote."""
        names = tuple(str(name) for name in facts["arrays"])
        if not all(name.startswith((MODULE, OPTIMIZER)) for name in names):
            raise ValueError("an array is neither the module's nor the optimiser's")
        arrays = from_npz(body, names)
        if not all(np.isfinite(one).all() for one in arrays.values()):
            raise ValueError("a number is not finite")
        if signature.words is not None:
            return cls(signature, str(facts["recipe"]), arrays)
        centre, spread = (_number(facts[name]) for name in ("centre", "spread"))
        return cls(signature, str(facts["recipe"]), arrays, centre, spread)


def encoded(columns: tuple[Column, ...], cells: Cells) -> npt.NDArray[np.float32]:
    """Return what a network sees: ndarray of float32 (n_rows, n_inputs)."""
    return np.asarray(_encoding(columns).encode(cells) / ONE, dtype=np.float32)


def n_inputs(columns: tuple[Column, ...]) -> int:
    """Return how wide the encoding is."""
    return int(_encoding(columns).offsets[-1])


def n_outputs(signature: Signature) -> int:
    """Return how many outputs a network has: one for each class, or one number."""
    return 1 if signature.words is None else len(signature.words)


def places(columns: tuple[Column, ...]) -> list[tuple[str, str]]:
    """Return what each input is."""
    return _encoding(columns).places


def _encoding(columns: tuple[Column, ...]) -> Scaled:
    return Scaled(columns, 2)


def _number(text: Any) -> float:
    found = from_text(text)
    if not isinstance(found, float) or not math.isfinite(found):
        raise ValueError(f"{text!r} is no finite number")
    return found
