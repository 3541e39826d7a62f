"""How likely a row is in each class, by Bayes' rule: naive Bayes, and linear discriminants.

The logarithm of how likely row and class are together, but for a summand that is the same for all classes, is linear in
the encoded row, and has for each number that is not missing the logarithm of a normal density, where there are any:

=============================  ==========================================================================
``intercept`` (k,)             of each of k classes
``coef`` (k, width)            of each place of the encoding: `Scaled` in units of 1, `Counts` in steps
``means`` (k, m)               of the numbers in [-1, 1], column by column; m is 0 where there are no densities
``variances`` (k, m)           likewise; above 0
=============================  ==========================================================================

as float64 in ``arrays.npz``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.codes import ONE, Scaled
from expunge.learners.encoding.columns import Cells
from expunge.learners.encoding.counts import Counts
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.model import ServedModel, Signature

Floats: TypeAlias = npt.NDArray[np.float64]
Coding: TypeAlias = Literal["scaled", "counts"]

CODINGS: Final[Mapping[str, type[Scaled]]] = MappingProxyType({"scaled": Scaled, "counts": Counts})
ARRAYS: Final = ("intercept", "coef", "means", "variances")


@dataclass(frozen=True, eq=False)
class BayesModel(ServedModel):
    """Classes weighed by how likely the row is in each; see the module.

    Parameters
    ----------
    signature : Signature
    coding : {"scaled", "counts"}
    intercept, coef, means, variances : ndarray of float64
        See the module.
    """

    kind: ClassVar[str] = "bayes"
    body_name: ClassVar[str] = "arrays.npz"

    signature: Signature
    coding: Coding
    intercept: Floats
    coef: Floats
    means: Floats
    variances: Floats

    @cached_property
    def encoding(self) -> Scaled:
        """The encoding of the columns."""
        return CODINGS[self.coding](self.signature.columns)

    def joint(self, cells: Cells) -> Floats:
        """Return the logarithms, but for what all classes share: (n_rows, n_classes)."""
        codes = self.encoding.encode(cells) / (ONE if self.coding == "scaled" else 1)
        found = codes @ self.coef.T + self.intercept
        if not self.means.shape[1]:
            return np.asarray(found)
        places = self.encoding.value_places
        numbers, there = codes[:, places], codes[:, places + 1] == 0
        less = [
            (there * ((numbers - means) ** 2 / variances + np.log(variances))).sum(axis=1) / 2
            for means, variances in zip(self.means, self.variances, strict=True)
        ]
        return np.asarray(found - np.column_stack(less))

    def scores(self, cells: Cells) -> Floats:
        """Return the logarithms; of two classes, how far the second's is above the first's. (n_rows, n_scores)."""
        found = self.joint(cells)
        return found[:, 1:] - found[:, :1] if found.shape[1] == 2 else found

    def predict_log_proba(self, X: Any) -> Floats:
        """Return the logarithm of the probability of each class: ndarray (n_rows, n_classes).

        Raises
        ------
        InputError
            For a table that cannot be read.
        """
        found = self.joint(self.signature.read(X))
        found -= found.max(axis=1, keepdims=True)
        return np.asarray(found - np.log(np.exp(found).sum(axis=1, keepdims=True)))

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class: ndarray (n_rows, n_classes), rows of sum 1.

        Raises
        ------
        InputError
            For a table that cannot be read.
        """
        return np.exp(self.predict_log_proba(X))

    def facts(self) -> dict[str, Any]:
        """Return the encoding's name."""
        return {"encoding": self.coding}

    def body(self) -> bytes:
        """Return the arrays."""
        return to_npz({name: getattr(self, name) for name in ARRAYS})

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `facts` and `body` wrote."""
        arrays = from_npz(body, ARRAYS)
        if facts["encoding"] not in CODINGS or signature.words is None or len(signature.words) < 2:
            raise ValueError("it has no classes, or no encoding that is known")
        model = cls(signature, facts["encoding"], **arrays)
        k, densities = len(signature.words), model.means.shape[-1]
        shapes = [(k,), (k, int(model.encoding.offsets[-1])), (k, densities), (k, densities)]
        if [arrays[name].shape for name in ARRAYS] != shapes:
            raise ValueError("the arrays do not fit the columns and classes")
        if densities not in {0, len(model.encoding.value_places)} or (densities and model.coding != "scaled"):
            raise ValueError("the densities do not fit the columns")
        if not all(np.isfinite(array).all() for array in arrays.values()) or (model.variances <= 0).any():
            raise ValueError("a coefficient is not finite, or a variance not above 0")
        return model
