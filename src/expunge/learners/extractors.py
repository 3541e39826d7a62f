"""Extractors of features, frozen and public: code that a saved state cannot hold, under a name.

A certified head learns from what an extractor makes of the columns. Its promise is about the head alone: **where the
extractor itself learned from the people who may leave, the promise is void**. Only take one that never saw them.

A state, a served model and the command line state an extractor's name and nothing else of it. A name is looked up among
the extractors here, those that `add` was given in this process, and those that other packages register under
``expunge.extractors``::

    [project.entry-points."expunge.extractors"]
    embedding = "their_package:EMBEDDING"

Whoever changes what an extractor does gives it another name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Final

import numpy as np
import numpy.typing as npt

from expunge.errors import InputError, NotFoundError

GROUP: Final = "expunge.extractors"
WIDTH: Final = 128
"""Features that `fourier` makes."""
_SEED: Final = 1911_03030

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Extractor:
    """What makes features of columns; a function of each row alone, which learns nothing.

    Parameters
    ----------
    name : str
    transform : callable of (inputs), giving features
        It takes float64 (n_rows, n_inputs), numbers scaled to [-1, 1] and words as 0 or 1, and gives float32 or float64
        (n_rows, width), the width a function of n_inputs alone.

    Examples
    --------
    >>> Extractor("squares", lambda inputs: inputs**2).transform(np.array([[0.5, -1.0]])).tolist()
    [[0.25, 1.0]]
    """

    name: str
    transform: Callable[[Floats], npt.NDArray[np.floating]]

    def features(self, inputs: Floats) -> Floats:
        """Return features of a row each, none longer than 1: a longer one is divided by its length.

        Raises
        ------
        InputError
            Where the transform gives something else than finite numbers, a row for a row.
        """
        found = np.asarray(self.transform(inputs), dtype=np.float64)
        if found.ndim != 2 or len(found) != len(inputs) or not np.isfinite(found).all():
            raise InputError(
                f"extractor {self.name!r} gives {found.shape} for {inputs.shape}, or numbers that are not finite.",
                mend="Give finite features, (n_rows, width).",
            )
        return np.asarray(found / np.maximum(1.0, np.sqrt((found**2).sum(axis=1, keepdims=True))))


@lru_cache(maxsize=8)
def _waves(n_inputs: int) -> tuple[Floats, Floats]:
    draws = np.random.RandomState(_SEED)  # its stream is frozen; that of a Generator may change
    return draws.standard_normal((n_inputs, WIDTH)) / np.sqrt(2.0), draws.uniform(0, 2 * np.pi, WIDTH)


def _fourier(inputs: Floats) -> Floats:
    """Random Fourier features of a Gaussian kernel (Rahimi and Recht 2007), drawn once for all: nothing is learned."""
    waves, phases = _waves(inputs.shape[1])
    return np.asarray(np.cos(inputs @ waves + phases) / np.sqrt(WIDTH))


_OURS: Final = {"fourier": Extractor("fourier", _fourier)}
_added: Final[dict[str, Extractor]] = {}


def add(extractor: Extractor) -> None:
    """Make an extractor known in this process.

    Raises
    ------
    InputError
        Where its name stands for another one.
    """
    known = _OURS.get(extractor.name) or _added.get(extractor.name)
    if known is not None and known != extractor:
        raise InputError(f"there is another extractor {extractor.name!r}.", mend="Give this one a name of its own.")
    _added[extractor.name] = extractor


def find(name: str) -> Extractor:
    """Return the extractor of a name.

    Raises
    ------
    NotFoundError
        Where there is none.
    InputError
        Where what another package registered under the name is none.

    Examples
    --------
    >>> find("fourier").features(np.zeros((2, 3))).shape
    (2, 128)
    """
    if (known := _OURS.get(name) or _added.get(name)) is not None:
        return known
    registered = {point.name: point for point in entry_points(group=GROUP)}
    if name not in registered:
        names = ", ".join(sorted({*_OURS, *_added, *registered}))
        raise NotFoundError(
            f"there is no extractor {name!r}.",
            mend=f"Add it (`expunge.learners.extractors.add`), or take one of {names}.",
        )
    extractor = registered[name].load()
    if not isinstance(extractor, Extractor) or extractor.name != name:
        raise InputError(
            f"{name!r} is registered as an extractor and is {extractor!r}.", mend="Register an Extractor of it."
        )
    return extractor
