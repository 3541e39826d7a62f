"""The contract of everything that learns and can forget (DESIGN section 4).

Invariants that every learner keeps
-----------------------------------
- **Canonical** (Exact learners): what was learned is a pure function of (the remaining records with their subject
  ids, the schema, the hyperparameters, the key). ``forget(fit(D), S)`` and ``fit(D without S)`` have the same
  `Learner.digest`, in any order, one by one or in a batch, whatever the order of the rows.
- **All or nothing**: a call to `Learner.forget` that raises, or is interrupted, leaves the learner as it was. All that
  a fit produces lies in one attribute, ``state_``, which is computed aside and assigned once.
- **No alias**: the state shares no memory with what the caller handed in, and no forgotten row is reachable from it.

`expunge.learners.checks.check_learner` tests all of it, for third-party learners too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from expunge.domain.guarantee import Guarantee
from expunge.domain.schema import Schema
from expunge.domain.subject import SubjectId, subject_id
from expunge.errors import InputError
from expunge.learners.served import ServedModel
from expunge.learners.values import Scalar

KEY_BYTES: Final = 32

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]


class Key(bytes):
    """A secret that never shows in `repr`, so not in a pipeline's, a log's or a notebook's either.

    Examples
    --------
    >>> Key(bytes(32))
    <key>
    """

    def __repr__(self) -> str:
        return "<key>"

    __str__ = __repr__


class _KeyParameter:
    """The constructor parameter `key`: bytes are hidden as soon as they are assigned, and checked by the fit."""

    def __get__(self, learner: Any, owner: type) -> Any:
        return self if learner is None else learner.__dict__["key"]

    def __set__(self, learner: Any, value: Any) -> None:
        hidden = isinstance(value, bytes | bytearray) and not isinstance(value, Key)
        learner.__dict__["key"] = Key(value) if hidden else value


def check_key(key: object) -> None:
    """Refuse what is neither None nor 32 bytes; the value itself is not repeated in the error.

    Raises
    ------
    InputError
    """
    if key is not None and (not isinstance(key, bytes) or len(key) != KEY_BYTES):
        size = f"{len(key)} bytes" if isinstance(key, bytes) else f"of type {type(key).__name__}"
        raise InputError(f"key is {size}, not {KEY_BYTES} bytes.", mend="Give `secrets.token_bytes(32)` or None.")


@dataclass(frozen=True)
class ForgetReport:
    """What a call to `Learner.forget` did.

    Parameters
    ----------
    subjects : int
        People who left.
    records : int
        Records that left with them.
    work : dict of str to int
        What was touched: ``rows_touched`` (subtracted), ``rows_reencoded`` (0 unless a range moved), or trees, nodes.
    seconds : float
        Wall time of the call.
    refit_seconds : float
        What a full retrain on the remaining records is expected to take: the time of the last fit (or load),
        scaled by the number of records.
    """

    subjects: int
    records: int
    work: dict[str, int]
    seconds: float
    refit_seconds: float


class Learner(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn publishes no types
    """An estimator that can forget: the base of every learner, built in or third-party.

    A subclass's constructor takes its hyperparameters and ``schema=None, key=None``, all by keyword, and stores them as
    they are (scikit-learn's rule).

    Attributes
    ----------
    guarantee : Exact, Certified or Empirical
        What a call to `forget` promises.

    Notes
    -----
    `subjects` follows metadata routing: ``learner.set_fit_request(subjects=True)`` lets `GridSearchCV` hand the ids on,
    while the splitter takes the same ids as ``groups``.
    """

    refits: ClassVar[bool] = False
    """Whether `forget` is a full refit: plans say so, and cost it as one."""

    forgets: ClassVar[str] = "counts taken out"
    """How `forget` goes about it, in words for a plan."""

    key: Any = _KeyParameter()

    @property
    @abstractmethod
    def guarantee(self) -> Guarantee:
        """What a call to `forget` promises."""

    def prepare(self) -> None:
        """Do what is done once for an installation or a process, before anything is timed: compile."""

    @abstractmethod
    def fit(self, X: Any, y: Any = None, *, subjects: Any = None) -> Self:
        """Learn from records.

        Parameters
        ----------
        X : array-like or DataFrame (n_rows, n_features)
        y : array-like (n_rows,) or None
        subjects : array-like (n_rows,) of int or str, or None
            Whose record each row is. None takes the positions 0..n-1: for one-off use only.
        """

    @abstractmethod
    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:
        """Forget people: all of the list, or nobody.

        Raises
        ------
        UnknownSubjectError
            Where one of them is not held (any more); nothing was changed.
        CannotForgetError
            Where no model would be left; nothing was changed.
        """

    @abstractmethod
    def digest(self) -> str:
        """Return the learned digest, 64 hex characters (DESIGN section 1)."""

    @abstractmethod
    def subjects_held(self) -> list[SubjectId]:
        """Return the ids of everybody who is learned from, in canonical order. Personal data."""

    @abstractmethod
    def records_held(self) -> int:
        """Return how many records are learned from."""

    @abstractmethod
    def to_parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return the canonical part of the training state: a JSON value without floats, and arrays.

        A pure function of what `digest` is a function of, plus the records: sorted, without caches. Personal data.
        """

    @abstractmethod
    def restore(self, meta: dict[str, Any], arrays: Arrays) -> None:
        """Take up the state that `to_parts` returned, on a learner with the same parameters.

        Raises
        ------
        CorruptedError
            Where it is not such a state.
        """

    def expected_share(self, n_leaving: int) -> float | None:
        """Return what forgetting so many people is expected to take, as a share of a fit, before any was measured.

        None, where it is in proportion to their records.
        """
        del n_leaving
        return 1.0 if self.refits else None

    @classmethod
    def subjects_in(cls, meta: dict[str, Any], arrays: Arrays) -> list[SubjectId] | None:
        """Return who is in what `to_parts` returned, without restoring it; None where only restoring tells."""
        del meta, arrays
        return None

    @property
    def environment(self) -> dict[str, str]:
        """What the digest depends on beside rows, schema, hyperparameters and key; empty where it is portable."""
        return {}

    def plain_params(self) -> dict[str, Scalar]:
        """Return the hyperparameters as single values: what a saved state states."""
        params = self.get_params(deep=False)
        return {name: value for name, value in params.items() if name not in {"schema", "key"}}

    @classmethod
    def from_plain(cls, params: Mapping[str, Scalar], *, schema: Schema | None, key: bytes | None) -> Self:
        """Make a learner from what `plain_params` returned.

        Raises
        ------
        TypeError
            Where it takes other parameters.
        """
        return cls(**params, schema=schema, key=key)

    def serve(self) -> ServedModel:
        """Return what predicts, without any row.

        Raises
        ------
        InputError
            For learners that predict nothing, such as encoders.
        """
        raise InputError(
            f"a {type(self).__name__} predicts nothing.", mend="Serve the model that learns from its output."
        )

    def __sklearn_is_fitted__(self) -> bool:
        """Whether there is a state."""
        return hasattr(self, "state_")


def listed(subjects: Iterable[SubjectId]) -> list[SubjectId]:
    """Return the ids to forget, each once, as plain Python values.

    Raises
    ------
    InputError
        For a lone id: a str would be read letter by letter.
    SubjectIdError
        For values that are no ids.

    Examples
    --------
    >>> listed([7, "7", 7])
    [7, '7']
    """
    if isinstance(subjects, str | bytes) or not isinstance(subjects, Iterable):
        raise InputError(f"{subjects!r} is not a list of subject ids.", mend="Give a list, as in forget([id]).")
    return list(dict.fromkeys(subject_id(value) for value in subjects))


def positions(n_rows: int) -> npt.NDArray[np.int64]:
    """Return the ids that stand in where none were given: 0..n-1."""
    return np.arange(n_rows, dtype=np.int64)
