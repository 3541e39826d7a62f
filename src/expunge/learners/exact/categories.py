"""Words as places, one for each: a transformer that forgets."""

from __future__ import annotations

from typing import Any, Literal

import numpy.typing as npt

from expunge.domain.schema import Kind, Schema
from expunge.errors import InputError
from expunge.learners.encoding.columns import MISSING, Feature
from expunge.learners.exact.transformer import FactState, FactTransformer
from expunge.learners.served.turns import Place, Places, Turn
from expunge.learners.values import Scalar

DROPS = (None, "first", "if_binary")
UNKNOWNS = ("ignore", "error")


class OneHotEncoder(FactTransformer):
    """Give every word a column of its own, 1 where a row has it, else 0; numbers go through as they are.

    What is learned are the words that are present, in the order of their typed text, and whether a cell is missing:
    that has a column too then, the last. A word leaves with its last holder.

    Parameters
    ----------
    drop : {None, "first", "if_binary"}
        Whether the first place of each column is left out: of none, of all, or of those with two places.
    handle_unknown : {"ignore", "error"}
        What is done with a word that was not learned: all places 0, or InputError.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes.
    key : bytes or None
        Taken so that all learners are made alike; nothing is drawn from it.

    Attributes
    ----------
    state_ : FactState
        Personal data.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"visits": [0, 3, 9], "ward": ["a", "rare", "b"]})
    >>> encoder = OneHotEncoder().fit(X, subjects=["ann", "bo", "cy"])
    >>> encoder.forget(["bo"]).records
    1
    >>> encoder.get_feature_names_out().tolist()
    ['visits', 'ward=s:a', 'ward=s:b']
    >>> encoder.transform(X).tolist()
    [[0.0, 1.0, 0.0], [3.0, 0.0, 0.0], [9.0, 0.0, 1.0]]
    """

    def __init__(
        self,
        drop: Literal["first", "if_binary"] | None = None,
        handle_unknown: Literal["ignore", "error"] = "ignore",
        *,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.drop = drop
        self.handle_unknown = handle_unknown
        self.schema = schema
        self.key = key

    def _check_parameters(self) -> None:
        for name, known in (("drop", DROPS), ("handle_unknown", UNKNOWNS)):
            if getattr(self, name) not in known:
                raise InputError(f"{name}={getattr(self, name)!r} is none.", mend=f"Choose from {list(known)}.")

    def _told(self, feature: Feature, values: npt.NDArray[Any], words: tuple[str, ...] | None) -> tuple[Scalar, ...]:
        del feature
        if words is None:
            return ()
        return (*words, None) if (values == MISSING).any() else words

    def _outputs(self, state: FactState) -> tuple[Feature, ...]:
        found: list[Feature] = []
        for feature, places in zip(state.features, state.facts, strict=True):
            if feature.kind is Kind.NUMERIC:
                found.append(feature)
                continue
            names = [f"{feature.name}={'missing' if place is None else place}" for place in places]
            found += [Feature(name, Kind.NUMERIC, 0.0, 1.0, 1.0) for name in names[self._dropped(places) :]]
        return tuple(found)

    def _turn(self, state: FactState) -> Turn:
        pairs = zip(state.features, state.facts, strict=True)
        return Places(tuple(self._place(*pair) for pair in pairs), self.handle_unknown == "error")

    def _place(self, feature: Feature, places: tuple[Scalar, ...]) -> Place:
        if feature.kind is Kind.NUMERIC:
            return Place(feature.name, None)
        words = tuple(str(place) for place in places if place is not None)
        return Place(feature.name, words, None in places, self._dropped(places))

    def _dropped(self, places: tuple[Scalar, ...]) -> int:
        """Return how many of a column's places are left out."""
        return int(self.drop == "first" or (self.drop == "if_binary" and len(places) == 2))
