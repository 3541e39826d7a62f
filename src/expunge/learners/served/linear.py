"""A linear score over encoded columns.

``arrays.npz`` holds float64 ``coef`` (n_scores, width) and ``intercept`` (n_scores,).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.codes import ENCODINGS, ONE, Bins, Encoding, EncodingName
from expunge.learners.encoding.columns import Cells
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.model import ServedModel, Signature


@dataclass(frozen=True, eq=False)
class LinearModel(ServedModel):
    """A linear score over encoded columns.

    Parameters
    ----------
    signature : Signature
    encoding_name : {"scaled", "bins"}
    max_bins : int
    coef : ndarray of float64 (n_scores, width of the encoding)
    intercept : ndarray of float64 (n_scores,)
    """

    kind: ClassVar[str] = "linear"
    body_name: ClassVar[str] = "arrays.npz"

    signature: Signature
    encoding_name: EncodingName
    max_bins: int
    coef: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]

    @cached_property
    def encoding(self) -> Encoding:
        """The encoding of the columns."""
        return ENCODINGS[self.encoding_name](self.signature.columns, self.max_bins)

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return scores: (n_rows, n_scores)."""
        codes = self.encoding.encode(cells)
        if isinstance(self.encoding, Bins):
            places = codes + self.encoding.offsets[:-1]
            scores = np.where(codes[None] < 0, 0.0, self.coef[:, places]).sum(axis=2).T
        else:
            scores = (codes / ONE) @ self.coef.T
        return np.asarray(scores + self.intercept, dtype=np.float64)

    def facts(self) -> dict[str, Any]:
        """Return the encoding's name and number of bins."""
        return {"encoding": self.encoding_name, "max_bins": self.max_bins}

    def body(self) -> bytes:
        """Return the arrays."""
        return to_npz({"coef": self.coef, "intercept": self.intercept})

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `facts` and `body` wrote."""
        arrays = from_npz(body, ("coef", "intercept"))
        model = cls(signature, facts["encoding"], int(facts["max_bins"]), arrays["coef"], arrays["intercept"])
        shapes = ((signature.n_scores, int(model.encoding.offsets[-1])), (signature.n_scores,))
        if (model.coef.shape, model.intercept.shape) != shapes:
            raise ValueError("the arrays do not fit the columns and classes")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError("a coefficient is not finite")
        return model
