"""The encoder as a learner of its own: a transformer that forgets."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from expunge.domain.schema import Kind, Schema
from expunge.errors import InputError
from expunge.learners.encoding.codes import ENCODINGS, Bins, Encoding, EncodingName
from expunge.learners.encoding.columns import Feature, raw_columns, read_cells
from expunge.learners.exact.bounds import at_least
from expunge.learners.exact.table import TableLearner, TableState
from expunge.learners.exact.transformer import Transformer
from expunge.learners.served.turns import Encode, Turn


class TableEncoder(Transformer, TableLearner):
    """Encode a table as integers: universal bins, or fixed-point numbers scaled by range.

    What it learns is what the schema does not declare: ranges, and the categories that are present. When the owner of
    an extreme or the last holder of a category is forgotten, so is the extreme or the category.

    Parameters
    ----------
    encoding : {"scaled", "bins"}
        ``scaled``: steps of 2**-15, one place per number, category and missing indicator. ``bins``: one code per
        column.
    max_bins : int
        Most bins per numeric column, at least 2; only ``bins`` reads it.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes and infers ranges as state.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    state_ : TableState
        Personal data.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"visits": [0, 3, 9], "ward": ["a", "rare", "a"]})
    >>> encoder = TableEncoder("bins").fit(X, subjects=["ann", "bo", "cy"])
    >>> encoder.transform(X).tolist()
    [[0, 0], [3, 1], [9, 0]]
    >>> report = encoder.forget(["bo"])
    >>> [column.words for column in encoder.state_.encoding.columns]
    [None, ('s:a',)]
    """

    sums = None

    def __init__(
        self,
        encoding: EncodingName = "scaled",
        max_bins: int = 64,
        *,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.encoding = encoding
        self.max_bins = max_bins
        self.schema = schema
        self.key = key

    def transform(self, X: Any) -> npt.NDArray[np.int32]:
        """Encode rows.

        Parameters
        ----------
        X : DataFrame or array-like (n_rows, n_features)

        Returns
        -------
        ndarray of int32
            ``scaled``: (n_rows, n_places), in steps of 2**-15. ``bins``: (n_rows, n_features), -2 for an unknown
            category.
        """
        self._checked(X)
        state: TableState = self.state_
        raw = raw_columns(X, [feature.name for feature in state.inputs] if state.named else None)
        return state.encoded_inputs.encode(read_cells(state.features, raw.arrays))

    def _outputs(self, state: TableState) -> tuple[Feature, ...]:
        if isinstance(state.encoded_inputs, Bins):
            names = [feature.name for feature in state.inputs]
        else:
            names = [f"{column}={what}" for column, what in state.encoded_inputs.places]
        return tuple(Feature(name, Kind.NUMERIC, resolution=1.0) for name in names)

    def _turn(self, state: TableState) -> Turn:
        return Encode(state.encoded_inputs)

    def _coding(self) -> tuple[type[Encoding], int]:
        if self.encoding not in ENCODINGS:
            raise InputError(f"encoding={self.encoding!r} is none.", mend=f"Choose from {sorted(ENCODINGS)}.")
        return ENCODINGS[self.encoding], at_least("max_bins", self.max_bins, 2)
