"""`Pipeline`: transformers and a learner behind them, which forget as one.

Invariants
----------
- The rows as they came are kept once, by the pipeline; a step's own rows are what the steps before make of them.
- Rows are in canonical order, within a person too, so that no step sees in which they came.
- A step is a fit on the remaining rows as the steps before transform them now: it forgets by itself only while each of
  them transforms as before, which its learned digest tells.
- Steps forget as copies: what is held by the state before is changed by nobody, and all steps are assigned at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from expunge.domain.digest import composed_digest
from expunge.domain.guarantee import Exact, Guarantee
from expunge.domain.schema import Kind, Schema
from expunge.domain.subject import SubjectId
from expunge.errors import InputError
from expunge.learners.base import Arrays
from expunge.learners.encoding.codes import Column
from expunge.learners.encoding.columns import Cells, Feature, raw_columns, read_cells
from expunge.learners.exact.adapters.environment import environment
from expunge.learners.exact.composed import Composition, check_named, parts_from
from expunge.learners.exact.predictor import scored, tagged
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowState
from expunge.learners.exact.target import Task
from expunge.learners.exact.transformer import Transformer, frame_of
from expunge.learners.served import PipelineModel, ServedModel, Signature
from expunge.learners.values import Scalar

STEPS: Final = "steps"


class Table(NamedTuple):
    """Rows on their way through the steps: what is declared of the columns, and the cells."""

    features: tuple[Feature, ...]
    cells: Cells


@dataclass(frozen=True, eq=False)
class PipelineState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    parts : tuple of RowLearner
        Fitted copies of the steps.
    """

    parts: tuple[Any, ...]


def _does(method: str) -> Any:
    """Have a method where the last step has it."""
    return available_if(lambda pipeline: hasattr(pipeline._last, method))


class Pipeline(Composition):
    """Transform by some steps and learn by the last; to forget is to forget in all of them, or in none.

    A step forgets by itself where those before transform as they did, and learns again from the remaining rows where
    they do not: both are, byte for byte, what a fit without these people gives.

    Parameters
    ----------
    steps : list of (str, learner)
        Expunge's own transformers, and last a learner or a transformer; without schema or key of their own.
    schema : Schema or None
        Declared columns of the table that comes in; None takes kinds from dtypes.
    key : bytes or None
        Given to every step.

    Attributes
    ----------
    named_steps_ : dict of str to learner
        The fitted steps.
    state_ : PipelineState
        Personal data.

    Examples
    --------
    >>> import pandas as pd
    >>> from expunge.learners.exact import RidgeClassifier, SimpleImputer
    >>> X = pd.DataFrame({"age": [31.0, None, 54, 28, 61], "ward": ["a", "b", "b", "a", None]})
    >>> learner = Pipeline([("fill", SimpleImputer("median")), ("learn", RidgeClassifier())])
    >>> learner = learner.fit(X, ["no", "yes", "yes", "no", "yes"], subjects=[7, 8, 8, 9, 10])
    >>> learner.forget([8]).work["steps_learned_again"]
    1
    >>> rest = [0, 3, 4]
    >>> from sklearn.base import clone
    >>> again = clone(learner).fit(X.iloc[rest], ["no", "no", "yes"], subjects=[7, 9, 10])
    >>> learner.digest() == again.digest()
    True
    """

    forgets = "steps forgotten in, or learned again"

    def __init__(self, steps: Sequence[Any], *, schema: Schema | None = None, key: bytes | None = None) -> None:
        self.steps = steps
        self.schema = schema
        self.key = key

    @property
    def _last(self) -> Any:
        return self.steps[-1][1]

    @property
    def named_steps_(self) -> dict[str, Any]:
        """The fitted steps by name."""
        return dict(zip([name for name, _ in self.steps], self._fitted().parts, strict=True))

    @property
    def task(self) -> Task | None:
        """What the last step predicts."""
        found: Task | None = getattr(self._last, "task", None)
        return found

    @property
    def guarantee(self) -> Guarantee:
        """The weakest of the steps'; what a step makes of numbers another machine may not make, bit for bit."""
        return Exact("portable" if self._portable_parts and self._turns_alike else "environment")

    @property
    def environment(self) -> dict[str, str]:
        """What the digest depends on beside rows, schema, hyperparameters and key; empty where it is portable."""
        return ({} if self._turns_alike else environment("sklearn")) | super().environment

    @property
    def _turns_alike(self) -> bool:
        return all(step.portable for _, step in self.steps[:-1])

    def expected_share(self, n_leaving: int) -> float | None:
        """Return what forgetting so many people is expected to take: nearly a fit, where a step stands behind another.

        Sums change with everybody who leaves, and so does what the steps behind learn from.
        """
        found: float | None = 1.0 if len(self.steps) > 1 else self._last.expected_share(n_leaving)
        return found

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """Class labels, sorted: (n_classes,)."""
        found: npt.NDArray[Any] = self._fitted().parts[-1].classes_
        return found

    @_does("predict")  # type: ignore[untyped-decorator]  # no types in scikit-learn
    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return a class label, or a number, per row: ndarray (n_rows,)."""
        return self.serve().predict(self._checked(X))

    @_does("predict_proba")  # type: ignore[untyped-decorator]  # no types in scikit-learn
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the probability of each class: (n_rows, n_classes)."""
        served: Any = self.serve()
        return np.asarray(served.predict_proba(self._checked(X)))

    @_does("decision_function")  # type: ignore[untyped-decorator]  # no types in scikit-learn
    def decision_function(self, X: Any) -> npt.NDArray[np.float64]:
        """Return scores: (n_rows,) for two classes, above 0 for the second; else (n_rows, n_classes)."""
        return self.serve().decision_function(self._checked(X))

    @_does("transform")  # type: ignore[untyped-decorator]  # no types in scikit-learn
    def transform(self, X: Any) -> Any:
        """Return rows as the last step transforms them."""
        self._checked(X)
        state: PipelineState = self.state_
        raw = raw_columns(X, [feature.name for feature in state.inputs] if state.named else None)
        table = Table(state.inputs, read_cells(state.inputs, raw.arrays))
        for step in state.parts[:-1]:
            table = _turned(step, table)
        return state.parts[-1].transform(frame_of(*table, X))

    @_does("get_feature_names_out")  # type: ignore[untyped-decorator]  # no types in scikit-learn
    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Return a name per column that comes out of the last step."""
        found: npt.NDArray[np.object_] = self._fitted().parts[-1].get_feature_names_out(input_features)
        return found

    @_does("score")  # type: ignore[untyped-decorator]  # no types in scikit-learn
    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the accuracy of a classifier, or the R2 of a regression."""
        return scored(self, X, y, sample_weight)

    def serve(self) -> ServedModel:
        """Return what predicts; made once per state.

        Raises
        ------
        InputError
            Where the last step is a transformer.
        """
        check_is_fitted(self)
        state: PipelineState = self.state_
        served: ServedModel | None = state.__dict__.get("served")
        if served is None:
            last = state.parts[-1].serve()
            turns = tuple(step._turn(step.state_) for step in state.parts[:-1])
            if isinstance(last, PipelineModel):
                turns, last = turns + last.turns, last.last
            columns = tuple(Column(one.name, None if one.kind is Kind.NUMERIC else ()) for one in state.inputs)
            served = PipelineModel(Signature(columns, state.named, last.signature.words), turns, last)
            state.__dict__["served"] = served  # as cached_property does
        return served

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters, with ``deep`` those of the steps as ``step__param`` too."""
        found: dict[str, Any] = self._get_params(STEPS, deep=deep)
        return found

    def set_params(self, **params: Any) -> Self:
        """Set parameters, those of steps as ``step__param``."""
        self._set_params(STEPS, **params)
        return self

    def digest(self) -> str:
        """Return the learned digest: of the tag and the steps' digests in order (64 hex)."""
        check_is_fitted(self)
        return composed_digest("pipeline", [step.digest() for step in self.state_.parts])

    def plain_params(self) -> dict[str, Scalar]:
        """Return the names of the steps joined by commas, the class of each, and its parameters as ``step__param``."""
        return {STEPS: ",".join(name for name, _ in self._named)} | self._plain_parts()

    @classmethod
    def from_plain(cls, params: Mapping[str, Scalar], *, schema: Schema | None, key: bytes | None) -> Self:
        """Make one from what `plain_params` returned."""
        names = str(params[STEPS]).split(",")
        theirs = {name: value for name, value in params.items() if name != STEPS}
        return cls(list(zip(names, parts_from(theirs, names), strict=True)), schema=schema, key=key)

    @property
    def _named(self) -> list[tuple[str, Any]]:
        return _check_steps(self.steps)

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> PipelineState:
        records = records.canonical()
        steps: list[Any] = []
        table = self._table(features, records)
        for number, (_, step) in enumerate(self.steps):
            table = _turned(steps[-1], table) if number else table
            steps.append(self._learned_step(step, table, features, records))
        return self._state(features, named, records, started, steps)

    def _state(self, *rows: Any) -> PipelineState:
        features, named, records, started, steps = rows
        seconds = (perf_counter() - started) / len(records)
        fitted = self._hyperparameters()
        return PipelineState(self.task, fitted, features, named, records, seconds, tuple(steps))

    def _downdated(
        self, before: PipelineState, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[PipelineState, dict[str, int]]:
        del leaving, rows  # steps know people by their ids
        gone, steps, table, again = departed(before.records, records), [], None, 0
        for step in before.parts:
            if table is None:
                own = copy(step)
                own.forget(gone)
                steps.append(own)
                if len(steps) < len(before.parts) and own.digest() != step.digest():
                    table = self._table(before.features, records)
                    for one in steps:
                        table = _turned(one, table)
            else:
                steps.append(self._learned_step(step, table, before.features, records))
                again += 1
                table = _turned(steps[-1], table) if len(steps) < len(before.parts) else table
        return replace(before, records=records, parts=tuple(steps)), {"steps_learned_again": again}

    def _resumed(self, rows: tuple[Any, ...], meta: dict[str, Any], arrays: Arrays) -> PipelineState:
        """Take up each step as it was saved."""
        features, named, records, started = rows
        return self._state(features, named, records.canonical(), started, self._parts_of(meta, arrays))

    def _table(self, features: tuple[Feature, ...], records: Records) -> Table:
        """Return the remaining rows as they came, without the target."""
        if self.task is None:
            return Table(features, records.cells)
        cells, numeric = records.cells, features[-1].kind is Kind.NUMERIC
        if numeric:
            return Table(features[:-1], replace(cells, numbers=cells.numbers[:, :-1]))
        return Table(features[:-1], replace(cells, codes=cells.codes[:, :-1], words=cells.words[:-1]))

    def _learned_step(self, step: Any, table: Table, features: tuple[Feature, ...], records: Records) -> Any:
        """Fit a copy of a step on rows that were transformed, with the target where it is to be predicted."""
        table = _with_target(table, features[-1], records) if getattr(step, "task", None) is not None else table
        return self._fresh(step)._learn_rows(*table, owners_of(records))

    def __sklearn_tags__(self) -> Any:
        """Be a classifier or a regressor as the last step is."""
        return tagged(super().__sklearn_tags__(), self.task)


def departed(before: Records, after: Records) -> list[SubjectId]:
    """Return who was among the records and is no more; blocks that both share are not looked at."""
    shared = {id(block) for block in before.blocks} & {id(block) for block in after.blocks}
    was, still = (
        [one for block in records.blocks if id(block) not in shared for one in block.subjects]
        for records in (before, after)
    )
    held = set(still)
    return [one for one in was if one not in held]


def _turned(step: Any, table: Table) -> Table:
    """Return rows as a step transforms them."""
    return Table(step._outputs(step.state_), step._turned(step.state_, table.cells))


def _with_target(table: Table, target: Feature, records: Records) -> Table:
    """Return rows with the target behind the other columns."""
    (features, cells), whole = table, records.cells
    if target.kind is Kind.NUMERIC:
        cells = replace(cells, numbers=np.column_stack([cells.numbers, whole.numbers[:, -1]]))
    else:
        codes = np.column_stack([cells.codes, whole.codes[:, -1]])
        cells = replace(cells, codes=codes, words=(*cells.words, whole.words[-1]))
    return Table((*features, target), cells)


def owners_of(records: Records) -> list[SubjectId]:
    """Return whose each row of the records is."""
    pairs = zip(records.subjects, records.counts.tolist(), strict=True)
    return [one for one, count in pairs for _ in range(count)]


def _check_steps(steps: Any) -> list[tuple[str, Any]]:
    """Refuse what is no list of names with Expunge's own learners, transformers before the last."""
    try:
        found = [(str(name), step) for name, step in steps]
    except (TypeError, ValueError) as error:
        raise InputError(f"steps={steps!r} are no steps.", mend="Give a list of (name, learner).") from error
    if not found:
        raise InputError("there are no steps.", mend="Give a list of (name, learner).")
    check_named(found, (STEPS, "schema", "key"))
    if wrong := [name for name, _ in found if "," in name]:
        raise InputError(f"{wrong[0]!r} is no name of a step.", mend="Give each its own, without commas.")
    for name, step in found[:-1]:
        if not isinstance(step, Transformer):
            raise InputError(f"step {name!r} transforms nothing.", mend="Take it as the last step.")
    return found
