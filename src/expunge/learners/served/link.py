"""How the score of a regression becomes a number; ``link`` in ``model.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from expunge._kernels.tables import HIGHEST_LOG, LARGEST
from expunge.learners.encoding.columns import number_or_none
from expunge.learners.served.model import Signature
from expunge.learners.values import to_text

LinkName: TypeAlias = Literal["identity", "log"]


class Link(NamedTuple):
    """``offset + scale * score``, or ``offset + scale * exp(score)``."""

    form: LinkName
    offset: float
    scale: float

    def of(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return numbers.

        Examples
        --------
        >>> Link("identity", 20.0, 10.0).of(np.array([0.0, 1.5])).tolist()
        [20.0, 35.0]
        """
        return np.asarray(self.offset + self.scale * (np.exp(scores) if self.form == "log" else scores))

    @property
    def highest(self) -> int:
        """No score goes above it: in units of 1 / 256."""
        return HIGHEST_LOG if self.form == "log" else LARGEST

    def to_dict(self) -> dict[str, Any]:
        """Return the form that stands in ``model.json``."""
        return {"form": self.form, "offset": to_text(self.offset), "scale": to_text(self.scale)}


def read_link(facts: Mapping[str, Any], signature: Signature) -> Link | None:
    """Read the link of a regression; ValueError where it is none, or there is one beside classes."""
    stated = facts.get("link")
    if (stated is None) != (signature.words is not None):
        raise ValueError("numbers have a link, classes none")
    if stated is None:
        return None
    form, offset, scale = stated["form"], number_or_none(stated["offset"]), number_or_none(stated["scale"])
    if form not in {"identity", "log"} or offset is None or scale is None or not math.isfinite(offset + scale):
        raise ValueError("it has no sound link")
    return Link(form, offset, scale)
