"""A linear score over the features of a frozen extractor.

``arrays.npz`` holds float64 ``coef`` (n_scores, width) and ``intercept`` (n_scores,); ``extractor`` in ``model.json``
is the name under which `expunge.learners.extractors` finds the code. A score is a class's log odds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.codes import ONE, Scaled
from expunge.learners.encoding.columns import Cells
from expunge.learners.extractors import Extractor, find
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.model import ServedModel, Signature
from expunge.learners.served.probabilities import against_the_rest


@dataclass(frozen=True, eq=False)
class HeadModel(ServedModel):
    """A linear score over the features of a frozen extractor.

    Parameters
    ----------
    signature : Signature
    extractor_name : str
    coef : ndarray of float64 (n_scores, width of the features)
    intercept : ndarray of float64 (n_scores,)
    """

    kind: ClassVar[str] = "head"
    body_name: ClassVar[str] = "arrays.npz"

    signature: Signature
    extractor_name: str
    coef: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]

    @cached_property
    def extractor(self) -> Extractor:
        """What makes the features."""
        return find(self.extractor_name)

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return scores: (n_rows, n_scores)."""
        inputs = Scaled(self.signature.columns).encode(cells) / ONE
        return np.asarray(self.extractor.features(inputs) @ self.coef.T + self.intercept)

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class, (n_rows, n_classes); of several, divided by their sum."""
        return against_the_rest(self.scores(self.signature.read(X)))

    def facts(self) -> dict[str, Any]:
        """Return the extractor's name."""
        return {"extractor": self.extractor_name}

    def body(self) -> bytes:
        """Return the arrays."""
        return to_npz({"coef": self.coef, "intercept": self.intercept})

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `facts` and `body` wrote; the extractor must be known."""
        arrays, name = from_npz(body, ("coef", "intercept")), facts["extractor"]
        if not isinstance(name, str) or signature.words is None:
            raise ValueError("a head has an extractor's name, and classes")
        model = cls(signature, name, arrays["coef"], arrays["intercept"])
        width = model.extractor.features(np.zeros((1, int(Scaled(signature.columns).offsets[-1])))).shape[1]
        if (model.coef.shape, model.intercept.shape) != ((signature.n_scores, width), (signature.n_scores,)):
            raise ValueError("the arrays do not fit the features and classes")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError("a coefficient is not finite")
        return model
