"""A linear score over encoded columns.

``arrays.npz`` holds float64 ``coef`` (n_scores, width) and ``intercept`` (n_scores,). ``link`` in ``model.json``, where
there is one, says what a score is: ``logistic``, a class's log odds; ``log``, the logarithm of a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.codes import ENCODINGS, ONE, Bins, Encoding, EncodingName
from expunge.learners.encoding.columns import Cells
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.model import ServedModel, Signature
from expunge.learners.served.probabilities import against_the_rest

LinkName: TypeAlias = Literal["logistic", "log"]

_HIGHEST: Final = 700.0
"""No logarithm of a number counts as more, so that there is a number."""


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
    link : {"logistic", "log"} or None
        None where a score is a number, or a class's without a probability.
    """

    kind: ClassVar[str] = "linear"
    body_name: ClassVar[str] = "arrays.npz"

    signature: Signature
    encoding_name: EncodingName
    max_bins: int
    coef: npt.NDArray[np.float64]
    intercept: npt.NDArray[np.float64]
    link: LinkName | None = None

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
        found = np.asarray(scores + self.intercept, dtype=np.float64)
        return np.asarray(np.exp(np.minimum(found, _HIGHEST))) if self.link == "log" else found

    @property
    def predict_proba(self) -> Callable[[Any], npt.NDArray[np.float64]]:
        """What gives the probability of each class, (n_rows, n_classes); only with the link ``logistic``.

        Of several classes each was held against the rest: their probabilities are divided by their sum.
        """
        if self.link != "logistic":
            raise AttributeError("these scores are no log odds")
        return lambda X: against_the_rest(self.scores(self.signature.read(X)))

    def facts(self) -> dict[str, Any]:
        """Return the encoding's name and number of bins, and the link where there is one."""
        link = {} if self.link is None else {"link": self.link}
        return {"encoding": self.encoding_name, "max_bins": self.max_bins, **link}

    def body(self) -> bytes:
        """Return the arrays."""
        return to_npz({"coef": self.coef, "intercept": self.intercept})

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `facts` and `body` wrote."""
        arrays, link = from_npz(body, ("coef", "intercept")), facts.get("link")
        if link is not None and link != ("log" if signature.words is None else "logistic"):
            raise ValueError(f"link is {link!r}")
        model = cls(signature, facts["encoding"], int(facts["max_bins"]), arrays["coef"], arrays["intercept"], link)
        shapes = ((signature.n_scores, int(model.encoding.offsets[-1])), (signature.n_scores,))
        if (model.coef.shape, model.intercept.shape) != shapes:
            raise ValueError("the arrays do not fit the columns and classes")
        if not all(np.isfinite(array).all() for array in arrays.values()):
            raise ValueError("a coefficient is not finite")
        return model
