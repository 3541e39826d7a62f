"""Turns, one after another, and a model behind them.

``chain.bin`` holds a u64 with a length, so many bytes of the turns' arrays (an ``.npz``), and the model as
`ServedModel.packed` writes it. ``model.json`` has the turns in their order (`expunge.learners.served.turns`), and the
names of their arrays.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from expunge.learners.encoding.columns import Cells
from expunge.learners.served.arrays import from_npz, to_npz
from expunge.learners.served.model import ServedModel, Signature, unpacked
from expunge.learners.served.turns import DEEPEST, Turn, arrays_of, depth_of, facts_of, turns_from

_LENGTH: Final = struct.Struct("<Q")


@dataclass(frozen=True, eq=False)
class PipelineModel(ServedModel):
    """Turns, one after another, and a model behind them.

    Parameters
    ----------
    signature : Signature
        Its columns state names and kinds alone: what was learned of them is in the turns, and the model's own.
    turns : tuple of Turn
    last : ServedModel
        No pipeline: its turns would be further ones of this.
    """

    kind: ClassVar[str] = "pipeline"
    body_name: ClassVar[str] = "chain.bin"

    signature: Signature
    turns: tuple[Turn, ...]
    last: ServedModel

    @property
    def holds_rows(self) -> bool:
        """Whether the model behind the turns does."""
        return self.last.holds_rows

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return the scores of the model behind the turns: (n_rows, n_scores)."""
        return self.last.scores(self._turned(cells))

    @property
    def predict_proba(self) -> Callable[[Any], npt.NDArray[np.float64]]:
        """What gives the probability of each class, (n_rows, n_classes); where the model behind the turns does."""
        last: Any = self.last
        told: Callable[[Any], npt.NDArray[np.float64]] = last.predict_proba
        return lambda X: told(self._turned(self.signature.read(X)))

    def _turned(self, cells: Cells) -> Cells:
        for turn in self.turns:
            cells = turn.turned(cells)
        return cells

    def facts(self) -> dict[str, Any]:
        """Return the turns, and the names of their arrays."""
        return {"turns": facts_of(self.turns), "arrays": sorted(arrays_of(self.turns))}

    def body(self) -> bytes:
        """Return the turns' arrays, and the model."""
        arrays = to_npz(arrays_of(self.turns))
        return _LENGTH.pack(len(arrays)) + arrays + self.last.packed()

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `facts` and `body` wrote."""
        if len(body) < _LENGTH.size:
            raise ValueError("the turns end too early")
        end = _LENGTH.size + _LENGTH.unpack_from(body)[0]
        try:
            if depth_of(facts["turns"]) > DEEPEST:
                raise ValueError("turns stand too deep within turns")
            arrays = from_npz(body[_LENGTH.size : end], tuple(str(name) for name in facts["arrays"]))
            model = cls(signature, turns_from(facts["turns"], arrays), unpacked(body[end:]))
        except RecursionError as error:
            raise ValueError("turns within turns without end") from error
        model._check()
        return model

    def _check(self) -> None:
        """Refuse turns and a model that do not belong together; ValueError."""
        if self.last.kind == self.kind:
            raise ValueError("a pipeline stands behind a pipeline's turns")
        kinds = self.signature.numeric
        for turn in self.turns:
            kinds = turn.after(kinds)
        if kinds != self.last.signature.numeric:
            raise ValueError("the model is of other columns than come out of the turns")
        if self.signature.words != self.last.signature.words:
            raise ValueError("the model is of other classes")
