"""What an adapter says of one class of estimators.

Invariants
----------
- Every hyperparameter is one that counts, one that is pinned, or left at its library's default. Whatever else is set
  is refused: default deny.
- A hyperparameter that counts is a single value (`expunge.learners.values.Scalar`), so that a state can hold it without
  a pickle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from sklearn.base import clone

from expunge.errors import InputError
from expunge.learners.encoding.codes import Column
from expunge.learners.encoding.columns import Cells
from expunge.learners.exact.adapters.environment import few_threads
from expunge.learners.registry import Task
from expunge.learners.served import ServedModel, Signature
from expunge.learners.values import Scalar, to_text

LinkName: TypeAlias = Literal["softmax", "sigmoid"]

RANDOM_STATE: Final = "random_state"

_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "warm_start": "it goes on from an earlier fit, in which people may stand who were forgotten",
        "callbacks": "it is code, which a saved state cannot hold",
        "early_stopping_rounds": "it needs rows that are handed over beside the table",
    }
)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one fit, in canonical order.

    Parameters
    ----------
    columns : tuple of Column
        Of the features, with what was learned of them.
    cells : Cells
        Target included.
    target : ndarray (n_rows,)
        Numbers, or the index of each row's class as int64.
    words : tuple of str or None
        Typed class labels in order; None for regression.
    by_name : bool
        Whether the columns had names.
    """

    columns: tuple[Column, ...]
    cells: Cells
    target: npt.NDArray[Any]
    words: tuple[str, ...] | None
    by_name: bool

    def signature(self, columns: tuple[Column, ...]) -> Signature:
        """Return the signature of what is served, over these columns."""
        return Signature(columns, self.by_name, self.words)


@dataclass(frozen=True)
class Resume:
    """How a fit goes on from an earlier one, on other rows of the same columns and classes.

    Parameters
    ----------
    rounds : str
        The hyperparameter that says how long a fit is.
    usual : int
        Its value where none was set.
    learn : callable of (estimator, Rows, ServedModel), giving a ServedModel
        The model of before, and what was learned beyond it.
    able : callable of (estimator), giving bool
        Whether hyperparameters allow it.
    alike : callable of (ServedModel, Rows), giving bool
        Whether rows mean to the model of before what they meant, beside classes and categories.
    """

    rounds: str
    usual: int
    learn: Callable[[Any, Rows, Any], ServedModel]
    able: Callable[[Any], bool] = lambda _: True
    alike: Callable[[Any, Rows], bool] = lambda _, __: True


@dataclass(frozen=True)
class Family:
    """One class of estimators.

    Parameters
    ----------
    name : str
        Of the class.
    module : str
        Whence it is imported.
    package : str
        Whose version decides, as it is imported.
    extra : str
        What of ours installs it.
    task : {"classification", "regression"}
    counts : tuple of str
        Hyperparameters that may be set.
    learn : callable of (estimator, Rows), giving a ServedModel
        Fits the pinned estimator, and turns what it learned into arrays or text.
    pinned : mapping of str to value
        What is set whatever the user set: threads, determinism, quiet.
    choices : mapping of str to tuple
        The values that a hyperparameter may have, where not all do.
    link : callable of (estimator), giving "softmax", "sigmoid" or None
        How a classifier's scores become probabilities: one over all classes, each class against the rest, or not.
    resume : Resume or None
        How a fit goes on from an earlier one; None where it cannot.
    finish : callable of (ServedModel), giving a ServedModel
        Leaves out what only a fit that goes on needs.
    """

    name: str
    module: str
    package: str
    extra: str
    task: Task
    counts: tuple[str, ...]
    learn: Callable[[Any, Rows], ServedModel]
    pinned: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    link: Callable[[Any], LinkName | None] = lambda _: None
    resume: Resume | None = None
    finish: Callable[[Any], ServedModel] = lambda model: model

    def hyperparameters(self, estimator: Any) -> dict[str, Scalar]:
        """Return what was set and counts; the library's defaults are left out.

        Raises
        ------
        InputError
            For a value that is set and does not count, and for one that is no single value or none of the choices.
        """
        defaults = type(estimator)().get_params(deep=False)
        params = estimator.get_params(deep=False)
        changed = {name: value for name, value in params.items() if not _same(value, defaults.get(name))}
        for name in changed.keys() - self.pinned.keys() - set(self.counts):
            why = _REASONS.get(name, "no adapter answers for what it does")
            raise InputError(
                f"{self.name}({name}={changed[name]!r}): {why}.",
                mend=f"Leave it at its default; set any of {', '.join(sorted(self.counts))}.",
            )
        return {name: self._scalar(name, changed[name]) for name in self.counts if name in changed}

    def fit(
        self, estimator: Any, rows: Rows, seed: int, before: ServedModel | None = None, *, goes_on: bool = False
    ) -> ServedModel:
        """Fit a pinned clone on one thread.

        Parameters
        ----------
        estimator : estimator
        rows : Rows
        seed : int
        before : ServedModel or None
            What to go on from, where the family can (`resume`).
        goes_on : bool
            Whether a later fit is to go on from what is returned.

        Raises
        ------
        InputError
            With the library's own words, where it cannot learn from these rows under these hyperparameters.
        """
        seeded = {RANDOM_STATE: seed} if RANDOM_STATE in self.counts else {}
        pinned = clone(estimator).set_params(**self.pinned, **seeded)
        try:
            with few_threads():
                if before is not None and self.resume is not None:
                    found = self.resume.learn(pinned, rows, before)
                else:
                    found = self.learn(pinned, rows)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise InputError(
                f"{self.name} cannot learn from these rows: {error}", mend="Change the hyperparameters or the rows."
            ) from error
        return found if goes_on else self.finish(found)

    def _scalar(self, name: str, value: Any) -> Scalar:
        try:
            to_text(value)
        except InputError as error:
            raise InputError(
                f"{self.name}({name}={value!r}): a state holds single values only, no code and no containers.",
                mend="Give text, a number or a boolean.",
            ) from error
        plain: Scalar = value.item() if isinstance(value, np.generic) else value
        if name == RANDOM_STATE and (isinstance(plain, bool) or not isinstance(plain, int)):
            raise InputError(f"{self.name}(random_state={value!r}) is no integer.", mend="Give an integer or None.")
        if name in self.choices and plain not in self.choices[name]:
            raise InputError(
                f"{self.name}({name}={value!r}) cannot be wrapped.", mend=f"Choose from {list(self.choices[name])}."
            )
        return plain


def _same(value: Any, default: Any) -> bool:
    """Whether a hyperparameter is at its default; True is not 1."""
    if isinstance(value, bool) or isinstance(default, bool):
        return value is default
    return value is default or (isinstance(value, int | float | str) and bool(value == default))
