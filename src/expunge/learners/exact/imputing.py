"""Missing cells filled: a transformer that forgets."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Kind, Schema
from expunge.errors import InputError
from expunge.learners.encoding.codes import Column, Scaled
from expunge.learners.encoding.columns import LARGEST, MISSING, Cells, Feature
from expunge.learners.exact.spread import ColumnSums, mean_of
from expunge.learners.exact.transformer import FactState, FactTransformer
from expunge.learners.served.turns import Fill, Turn
from expunge.learners.values import Scalar, from_text, to_text

STRATEGIES = ("mean", "median", "most_frequent", "constant")


class SimpleImputer(FactTransformer):
    """Fill missing cells with one value per column.

    ``mean`` and ``median`` fill numbers and let words through as they are; a mean is that of numbers rounded to steps
    of 2**-16 of the column's range. ``most_frequent`` fills both: of values equally frequent, with the smallest, or the
    first by typed text. A column of numbers that has none is filled with 0, one of words stays as it is.

    Parameters
    ----------
    strategy : {"mean", "median", "most_frequent", "constant"}
    fill_value : float, str or None
        Of ``constant``: a number fills numbers, a text fills words, and the others stay as they are; None fills numbers
        with 0 and words with ``missing_value``.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    statistics_ : ndarray of object (n_features,)
        What each column is filled with; None where its cells stay as they are.
    state_ : FactState
        Personal data.

    Examples
    --------
    >>> imputer = SimpleImputer("median").fit([[1.0], [3.0], [90.0], [np.nan]], subjects=[7, 8, 9, 10])
    >>> imputer.forget([9]).records
    1
    >>> imputer.transform([[np.nan], [5.0]]).tolist()
    [[2.0], [5.0]]
    """

    def __init__(
        self,
        strategy: Literal["mean", "median", "most_frequent", "constant"] = "mean",
        fill_value: float | str | None = None,
        *,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.strategy = strategy
        self.fill_value = fill_value
        self.schema = schema
        self.key = key

    @property
    def statistics_(self) -> npt.NDArray[np.object_]:
        """What each column is filled with."""
        state = self._fitted()
        found = np.empty(len(state.features), dtype=object)
        for place, (feature, facts) in enumerate(zip(state.features, state.facts, strict=True)):
            filling = self._filling(feature, facts)
            found[place] = from_text(filling) if isinstance(filling, str) else filling
        return found

    def _check_parameters(self) -> None:
        if self.strategy not in STRATEGIES:
            raise InputError(f"strategy={self.strategy!r} is none.", mend=f"Choose from {list(STRATEGIES)}.")
        value: object = self.fill_value
        number = isinstance(value, Real) and not isinstance(value, bool) and abs(float(value)) <= LARGEST
        if not (value is None or isinstance(value, str) or number):
            raise InputError(f"fill_value={value!r} fills nothing.", mend="Give a finite number, a text, or None.")

    def _told(self, feature: Feature, values: npt.NDArray[Any], words: tuple[str, ...] | None) -> tuple[Scalar, ...]:
        there = values[values != MISSING] if words is not None else values[~np.isnan(values)]
        if len(there) == 0 or self.strategy == "constant":
            return ()
        if self.strategy == "most_frequent":
            distinct, counts = np.unique(there, return_counts=True)
            chosen = distinct[counts.argmax()]
            return (float(chosen),) if words is None else (words[chosen],)
        if words is not None:
            return ()
        if self.strategy == "median":
            ranks = [(len(there) - 1) // 2, len(there) // 2]
            return tuple(np.partition(there, ranks)[ranks].tolist())
        low, high = (float(there.min()), float(there.max())) if feature.low is None else (feature.low, feature.high)
        column = Column(feature.name, None, low, high)
        cells = Cells(there[:, None], np.empty((len(there), 0), np.int32), ())
        return low, high, len(there), int(ColumnSums.of(Scaled((column,)), cells).sums[0])

    def _filling(self, feature: Feature, facts: tuple[Any, ...]) -> float | str | None:
        """Return the number, or the typed text, that fills a column; None where it stays as it is."""
        words = feature.kind is not Kind.NUMERIC
        if self.strategy == "constant":
            return self._constant(words=words)
        if words:
            return str(facts[0]) if facts else None
        if not facts:
            return 0.0
        if self.strategy == "mean":
            low, high, count, total = facts
            return mean_of(Column(feature.name, None, low, high), count, total)
        return float(facts[0] / 2 + facts[-1] / 2) if self.strategy == "median" else float(facts[0])

    def _constant(self, *, words: bool) -> float | str | None:
        value = self.fill_value
        if value is None:
            return to_text("missing_value") if words else 0.0
        if isinstance(value, str):
            return to_text(value) if words else None
        return None if words else float(value) + 0.0

    def _outputs(self, state: FactState) -> tuple[Feature, ...]:
        return tuple(
            feature if feature.kind is not Kind.NUMERIC else self._output(feature) for feature in state.features
        )

    def _output(self, feature: Feature) -> Feature:
        """Return what is still declared about numbers: any may be among them, or one between two steps."""
        if self.strategy == "constant":
            return Feature(feature.name, feature.kind)
        if self.strategy == "most_frequent":
            return feature
        return replace(feature, resolution=None, whole=feature.whole or feature.resolution is not None)

    def _turn(self, state: FactState) -> Turn:
        numbers: list[float] = []
        words: list[str | None] = []
        for feature, facts in zip(state.features, state.facts, strict=True):
            filling: Any = self._filling(feature, facts)
            if feature.kind is Kind.NUMERIC:
                numbers.append(np.nan if filling is None else filling)
            else:
                words.append(filling)
        return Fill(np.array(numbers, np.float64), tuple(words))
