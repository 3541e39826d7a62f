"""Boosters in their library's own text: LightGBM's model text, XGBoost's JSON.

The text is parsed by the library when something is predicted, not before: a digest needs no library. It is data, and
names no code; but neither library's reader stands up to forged text (XGBoost's ends the process over bad JSON, which is
refused here first), so a booster from somebody whom you do not trust should not be loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, ClassVar, Final, Self

import numpy as np
import numpy.typing as npt

from expunge.errors import CorruptedError, InputError
from expunge.learners.encoding.columns import Cells
from expunge.learners.encoding.plain import plain
from expunge.learners.served.model import MEND, ServedModel, Signature

EXTRA: Final = "boosting"

_LEARNER: Final = frozenset(
    {"attributes", "feature_names", "feature_types", "gradient_booster", "learner_model_param", "objective"}
)
"""What XGBoost writes of a learner."""


@dataclass(frozen=True, eq=False)
class BoosterModel(ServedModel):
    """Base of both.

    Parameters
    ----------
    signature : Signature
    text : str
        The library's own.
    """

    signature: Signature
    text: str

    def facts(self) -> dict[str, Any]:
        """Return nothing: all else is in the text."""
        return {}

    def body(self) -> bytes:
        """Return the text."""
        return self.text.encode()

    @classmethod
    def from_body(cls, signature: Signature, facts: Mapping[str, Any], body: bytes) -> Self:
        """Read what `body` wrote."""
        del facts
        return cls(signature, body.decode())

    def _shaped(self, scores: Any, n_rows: int) -> npt.NDArray[np.float64]:
        try:
            return np.asarray(scores, dtype=np.float64).reshape(n_rows, self.signature.n_scores)
        except ValueError as error:
            raise CorruptedError(f"the booster does not fit the classes ({error}).", mend=MEND) from error


class LightGBMModel(BoosterModel):
    """A LightGBM model; ``booster.txt`` is its text without parameters and ranges, which predicting does not need."""

    kind: ClassVar[str] = "lightgbm"
    body_name: ClassVar[str] = "booster.txt"

    @cached_property
    def _booster(self) -> Any:
        library = load_library("lightgbm")
        try:
            return library.Booster(model_str=self.text)
        except library.basic.LightGBMError as error:
            raise CorruptedError(f"booster.txt is not a LightGBM model ({error}).", mend=MEND) from error

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return raw scores, or predicted numbers: (n_rows, n_scores)."""
        X = plain(self.signature.columns, cells)
        raw = self.signature.words is not None
        return self._shaped(self._booster.predict(X, raw_score=raw, num_threads=1), len(X))


class XGBoostModel(BoosterModel):
    """An XGBoost model; ``booster.json`` is its JSON."""

    kind: ClassVar[str] = "xgboost"
    body_name: ClassVar[str] = "booster.json"

    @cached_property
    def _booster(self) -> Any:
        library = load_library("xgboost")
        self._check_text()
        booster = library.Booster({"nthread": 1, "device": "cpu"})
        try:
            booster.load_model(bytearray(self.text.encode()))
        except library.core.XGBoostError as error:
            raise CorruptedError(f"booster.json is not an XGBoost model ({error}).", mend=MEND) from error
        return booster

    def _check_text(self) -> None:
        """Refuse what is plainly no model: XGBoost's own reader ends the process over it."""
        try:
            told = json.loads(self.text)
            sound = told.keys() == {"learner", "version"} and told["learner"].keys() == _LEARNER
        except (ValueError, AttributeError, RecursionError) as error:
            raise CorruptedError(f"booster.json is not JSON ({error}).", mend=MEND) from error
        if not sound:
            raise CorruptedError("booster.json is not an XGBoost model.", mend=MEND)

    def scores(self, cells: Cells) -> npt.NDArray[np.float64]:
        """Return margins, or predicted numbers: (n_rows, n_scores)."""
        X = plain(self.signature.columns, cells)
        booster = self._booster
        types = booster.feature_types
        table = load_library("xgboost").DMatrix(X, feature_types=types, enable_categorical=True, nthread=1)
        margins = booster.predict(table, output_margin=self.signature.words is not None)
        return self._shaped(margins, len(X))


def load_library(name: str, extra: str = EXTRA) -> Any:
    """Import a library that an extra installs.

    Raises
    ------
    InputError
        Where it is not installed; names the extra.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            f"{name} is not installed ({error}).", mend=f"Install it with `pip install 'expunge[{extra}]'`."
        ) from error
