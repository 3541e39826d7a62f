"""Transformers that forget: a table in, a table out.

Each changes the columns of the kind that it is for, and lets the others through as they are: words stay words.

Invariants
----------
- What comes out of a row is a function of the row and of what `digest` is of, and of nothing else.
- It comes out of a `Turn`, in learning as when it is served: there is no other code that transforms.
- Where a transformer is a `FactTransformer`, its facts are a pure function of the multiset of rows that stay.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, ClassVar, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from expunge.domain.digest import learned_digest
from expunge.domain.guarantee import Exact, Guarantee
from expunge.domain.schema import Kind
from expunge.learners.encoding.columns import Cells, Feature, Words, raw_columns, read_cells
from expunge.learners.exact.gram import one_thread
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowLearner, RowState
from expunge.learners.served import turns
from expunge.learners.served.turns import Kinds, Turn
from expunge.learners.values import Scalar, from_text, to_text

FORMAT: Final = 1

Facts: TypeAlias = tuple[tuple[Scalar, ...], ...]
"""What was learned of each column."""


class Transformer(TransformerMixin, RowLearner):  # type: ignore[misc]  # no types in scikit-learn
    """Base of transformers; see the module.

    Attributes
    ----------
    portable : bool
        Whether what comes out is the same, bit for bit, on any machine; what was learned may be all the same.
    """

    portable: ClassVar[bool] = True

    @abstractmethod
    def _outputs(self, state: Any) -> tuple[Feature, ...]:
        """Return what is declared about each column that comes out."""

    @abstractmethod
    def _turn(self, state: Any) -> Turn:
        """Return what is done to rows, as data: what is learned from is what is served."""

    @one_thread
    def _turned(self, state: Any, cells: Cells) -> Cells:
        """Return what comes out of rows, in their order."""
        return self._turn(state).turned(cells)

    def transform(self, X: Any) -> Any:
        """Transform rows.

        Parameters
        ----------
        X : DataFrame or array-like (n_rows, n_features)

        Returns
        -------
        ndarray of float64 (n_rows, n_out), or DataFrame
            A data frame where there are columns of words, so that numbers stay numbers beside them.
        """
        self._checked(X)
        state = self.state_
        raw = raw_columns(X, [feature.name for feature in state.inputs] if state.named else None)
        cells = self._turned(state, read_cells(state.features, raw.arrays))
        return frame_of(self._outputs(state), cells, X) if cells.words else cells.numbers

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return a name per column that comes out."""
        del input_features  # scikit-learn's signature; the names are those learned
        return np.array([feature.name for feature in self._outputs(self._fitted())], dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Say that the output is of its own type whatever the input."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags


@dataclass(frozen=True, eq=False)
class FactState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    facts : tuple of tuple of scalars
        What was learned of each column, in the columns' order.
    """

    facts: Facts


class FactTransformer(Transformer):
    """Base of transformers that learn a few facts per column, by one look at the rows that stay."""

    forgets = "facts learned again"

    @abstractmethod
    def _told(self, feature: Feature, values: npt.NDArray[Any], words: tuple[str, ...] | None) -> tuple[Scalar, ...]:
        """Return the facts of one column: of numbers, or of codes of words."""

    @property
    def guarantee(self) -> Guarantee:
        """Exact on any machine: facts are counted, or picked from among the values."""
        return Exact("portable")

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, and facts learned (64 hex)."""
        check_is_fitted(self)
        state: FactState = self.state_
        meta = {
            "format": FORMAT,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
            "facts": [[to_text(one) for one in facts] for facts in state.facts],
        }
        return learned_digest(meta, ())

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> FactState:
        facts, fitted = self._facts(features, records.cells), self._hyperparameters()
        seconds = (perf_counter() - started) / len(records)
        return FactState(self.task, fitted, features, named, records, seconds, facts)

    def _downdated(
        self, before: FactState, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[FactState, dict[str, int]]:
        del leaving, rows  # only those who stay are looked at
        facts = self._facts(before.features, records.cells)
        return replace(before, records=records, facts=facts), {"rows_reread": len(records)}

    def _facts(self, features: Sequence[Feature], cells: Cells) -> Facts:
        return tuple(self._told(*column) for column in columns_of(features, cells))


def columns_of(features: Sequence[Feature], cells: Cells) -> list[tuple[Feature, npt.NDArray[Any], Words | None]]:
    """Return each column: what is declared, its numbers or codes, and the words that codes stand for."""
    columns = turns.columns_of(kinds_of(features), cells)
    return [(feature, *column) for feature, column in zip(features, columns, strict=True)]


def kinds_of(features: Sequence[Feature]) -> Kinds:
    """Return whether each column is one of numbers."""
    return tuple(feature.kind is Kind.NUMERIC for feature in features)


def frame_of(features: Sequence[Feature], cells: Cells, like: Any = None) -> Any:
    """Return rows as a data frame, with the index of another where that is one."""
    import pandas as pd  # noqa: PLC0415  # only tables of words need it

    index = like.index if isinstance(like, pd.DataFrame) else range(len(cells))
    columns = {
        number: pd.Series(values if words is None else spelled(values, words), index, None if words is None else object)
        for number, (_, values, words) in enumerate(columns_of(features, cells))
    }
    frame = pd.DataFrame(columns, index=index)
    frame.columns = [feature.name for feature in features]
    return frame


def spelled(codes: npt.NDArray[Any], words: tuple[str, ...]) -> npt.NDArray[np.object_]:
    """Return the values that codes stand for; None where missing."""
    values = np.empty(len(words) + 1, dtype=object)
    values[:-1] = [from_text(word) for word in words]
    return np.asarray(values[codes])  # -1 picks the last
