"""`ColumnTransformer`: transformers side by side, each for columns of its own, which forget as one.

Invariants
----------
- What a part learns is a function of its own columns of the remaining rows; so each forgets by itself, exactly.
- Parts forget as copies, and are assigned at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import chain
from time import perf_counter
from typing import Any, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from expunge.domain.digest import canonical_json, composed_digest
from expunge.domain.guarantee import Exact, Guarantee
from expunge.domain.schema import Schema
from expunge.errors import InputError
from expunge.learners.base import Arrays
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.composed import Composition, check_named, parts_from
from expunge.learners.exact.pipeline import departed, owners_of
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowState
from expunge.learners.exact.transformer import Transformer, kinds_of
from expunge.learners.served.turns import Beside, Turn, picked
from expunge.learners.values import Scalar

TRANSFORMERS: Final = "transformers"
REMAINDERS: Final = ("drop", "passthrough")


@dataclass(frozen=True, eq=False)
class ColumnsState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    parts : tuple of Transformer
        Fitted copies.
    chosen : tuple of tuple of int
        Per part the columns that it is for, and last those of nobody.
    """

    parts: tuple[Any, ...]
    chosen: tuple[tuple[int, ...], ...]


class ColumnTransformer(Composition, Transformer):
    """Transform some columns by one transformer, others by another; to forget is to forget in all, or in none.

    Columns that come out are named ``name__column``, after the transformer, or ``remainder__column``.

    Parameters
    ----------
    transformers : list of (str, transformer, columns)
        Expunge's own transformers, without schema or key of their own; columns are a list of names or positions.
    remainder : {"drop", "passthrough"}
        What becomes of columns that no transformer is for.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes.
    key : bytes or None
        Given to every transformer.

    Attributes
    ----------
    state_ : ColumnsState
        Personal data.

    Examples
    --------
    >>> import pandas as pd
    >>> from expunge.learners.exact import QuantileBinner, StandardScaler
    >>> X = pd.DataFrame({"age": [30.0, 50, 90], "dose": [1.0, 2, 3], "pulse": [60, 70, 80]})
    >>> both = ColumnTransformer([("scale", StandardScaler(), ["age"]), ("bin", QuantileBinner(2), ["dose"])])
    >>> both.fit(X, subjects=[7, 8, 9]).forget([9]).records
    1
    >>> both.transform(X).tolist()
    [[-1.0, 0.0], [1.0, 1.0], [5.0, 1.0]]
    """

    def __init__(
        self,
        transformers: Sequence[Any],
        remainder: Literal["drop", "passthrough"] = "drop",
        *,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.transformers = transformers
        self.remainder = remainder
        self.schema = schema
        self.key = key

    @property
    def guarantee(self) -> Guarantee:
        """The weakest of the parts'."""
        return Exact("portable" if self._portable_parts else "environment")

    @property
    def portable(self) -> bool:  # type: ignore[override]
        """Whether what comes out of each part is the same on any machine."""
        return all(part.portable for _, part in self._named)

    @property
    def _triples(self) -> list[tuple[str, Any, list[Any]]]:
        try:
            found = [(str(name), part, list(columns)) for name, part, columns in self.transformers]
        except (TypeError, ValueError) as error:
            raise InputError(
                f"transformers={self.transformers!r} are none.", mend="Give a list of (name, transformer, columns)."
            ) from error
        check_named([(name, part) for name, part, _ in found], (TRANSFORMERS, "remainder", "schema", "key"))
        for name, part, _ in found:
            if not isinstance(part, Transformer):
                raise InputError(f"{name!r} transforms nothing.", mend="Take a transformer.")
        if self.remainder not in REMAINDERS:
            raise InputError(f"remainder={self.remainder!r} is none.", mend=f"Choose from {list(REMAINDERS)}.")
        return found

    @property
    def _named(self) -> list[tuple[str, Any]]:
        return [(name, part) for name, part, _ in self._triples]

    @property
    def _transformers(self) -> list[tuple[str, Any]]:
        """What scikit-learn sets parts by; whatever was given, where that is none: it is refused by `fit`."""
        try:
            return [(name, part) for name, part, _ in self.transformers]
        except (TypeError, ValueError):
            return self.transformers  # type: ignore[return-value]

    @_transformers.setter
    def _transformers(self, parts: list[tuple[str, Any]]) -> None:
        self.transformers = [
            (name, part, columns) for (name, part), (_, _, columns) in zip(parts, self.transformers, strict=True)
        ]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with ``deep`` those of the transformers as ``name__param`` too."""
        found: dict[str, Any] = self._get_params("_transformers", deep=deep)
        return found

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of transformers as ``name__param``."""
        self._set_params("_transformers", **params)
        return self

    def digest(self) -> str:
        """Return the learned digest: of the columns that parts are for, and of their digests in order (64 hex)."""
        check_is_fitted(self)
        state: ColumnsState = self.state_
        inputs = [feature.to_dict() for feature in state.features]
        tag = [inputs, state.chosen, [name for name, _ in self._named], self.remainder]
        return composed_digest(f"columns {canonical_json(tag).decode()}", [part.digest() for part in state.parts])

    def plain_params(self) -> dict[str, Scalar]:
        """Return names and columns as text, the class name of each part, and its hyperparameters."""
        listed = json.dumps([[name, columns] for name, _, columns in self._triples])
        return {TRANSFORMERS: listed, "remainder": self.remainder} | self._plain_parts()

    @classmethod
    def from_plain(cls, params: Mapping[str, Scalar], *, schema: Schema | None, key: bytes | None) -> Self:
        """Make one from what `plain_params` returned."""
        listed = json.loads(str(params[TRANSFORMERS]))
        names, columns = [name for name, _ in listed], [own for _, own in listed]
        theirs = {name: value for name, value in params.items() if name not in {TRANSFORMERS, "remainder"}}
        remainder: Any = params.get("remainder", "drop")
        parts = zip(names, parts_from(theirs, names), columns, strict=True)
        return cls(list(parts), remainder, schema=schema, key=key)

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> ColumnsState:
        records = records.canonical()
        cells, owners, kinds = records.cells, owners_of(records), kinds_of(features)
        parts = []
        for (_, part), own in zip(self._named, self._chosen(features), strict=False):  # what nobody is for comes last
            inputs = tuple(features[place] for place in own)
            parts.append(self._fresh(part)._learn_rows(inputs, picked(kinds, cells, own), owners))
        return self._state(features, named, records, started, parts)

    def _state(self, *rows: Any) -> ColumnsState:
        features, named, records, started, parts = rows
        seconds, fitted = (perf_counter() - started) / len(records), self._hyperparameters()
        chosen = self._chosen(features)
        return ColumnsState(None, fitted, features, named, records, seconds, tuple(parts), chosen)

    def _downdated(
        self, before: ColumnsState, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[ColumnsState, dict[str, int]]:
        del leaving, rows  # parts know people by their ids
        gone, parts = departed(before.records, records), [copy(part) for part in before.parts]
        for part in parts:
            part.forget(gone)
        return replace(before, records=records, parts=tuple(parts)), {}

    def _resumed(self, rows: tuple[Any, ...], meta: dict[str, Any], arrays: Arrays) -> ColumnsState:
        """Take up each part as it was saved."""
        features, named, records, started = rows
        return self._state(features, named, records.canonical(), started, self._parts_of(meta, arrays))

    def _chosen(self, features: tuple[Feature, ...]) -> tuple[tuple[int, ...], ...]:
        names = {feature.name: place for place, feature in enumerate(features)}
        found = [tuple(_place(name, one, names) for one in columns) for name, _, columns in self._triples]
        taken = set(chain.from_iterable(found))
        rest = () if self.remainder == "drop" else tuple(place for place in names.values() if place not in taken)
        return (*found, rest)

    def _outputs(self, state: ColumnsState) -> tuple[Feature, ...]:
        names = [*(name for name, _ in self._named), "remainder"]
        own = [part._outputs(part.state_) for part in state.parts]
        rest = [state.features[place] for place in state.chosen[-1]]
        whole = zip(names, [*own, rest], strict=True)
        return tuple(replace(one, name=f"{name}__{one.name}") for name, features in whole for one in features)

    def _turn(self, state: ColumnsState) -> Turn:
        parts = tuple(part._turn(part.state_) for part in state.parts)
        return Beside(kinds_of(state.features), state.chosen, parts)


def _place(name: str, column: Any, names: Mapping[str, int]) -> int:
    """Return a column's place by its name or position."""
    if isinstance(column, str) and column in names:
        return names[column]
    if isinstance(column, int) and not isinstance(column, bool) and 0 <= column < len(names):
        return column
    raise InputError(f"{name!r} is for column {column!r}, which is not there.", mend=f"Choose from {list(names)}.")
