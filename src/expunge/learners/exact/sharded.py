"""`Sharded`: another library's estimator, learned in shards of people; to forget is to learn a shard again.

Invariants
----------
- Those of `expunge.learners.exact.wrapped`, shard by shard: a shard's models are a function of its people's records.
- Who is in which shard and slice is a keyed hash of each (`shards`); how many there are is a function of how many
  people are left.
- A stage of before is kept only while nobody of its slices has left; all others go with the state that they stood in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from expunge.domain.digest import learned_digest
from expunge.domain.schema import Kind, Schema
from expunge.errors import InputError
from expunge.learners.base import Arrays
from expunge.learners.encoding.codes import Column
from expunge.learners.encoding.columns import Cells, Feature
from expunge.learners.exact.adapters import estimator_from, family_of
from expunge.learners.exact.adapters.environment import environment
from expunge.learners.exact.bounds import at_least
from expunge.learners.exact.records import Records
from expunge.learners.exact.rows import RowState
from expunge.learners.exact.shards import Design, designed, expected_cost, places_of
from expunge.learners.exact.slices import Work, fit_slices
from expunge.learners.exact.threads import workers
from expunge.learners.exact.wrapped import ESTIMATOR, Wrapped, classifies, keyed_ranks, prefixed, seed_of
from expunge.learners.served import ServedModel, Signature, unpacked
from expunge.learners.served.shards import AGGREGATES, Aggregate, ShardsModel
from expunge.learners.values import Scalar, to_text

FORMAT: Final = 1
MOST_SHARDS, MOST_SLICES = 4096, 64

Stages = tuple[ServedModel | None, ...]


@dataclass(frozen=True, eq=False)
class Placed:
    """Where each row stands, by its name (`Block.rows`). A cache, and personal data.

    Parameters
    ----------
    shard, part, rank : ndarray of int32 (n_names,)
        Its shard, its slice there, and its owner's place in the order of keyed hashes.
    """

    shard: npt.NDArray[np.int32]
    part: npt.NDArray[np.int32]
    rank: npt.NDArray[np.int32]

    def without(self, names: npt.NDArray[np.int32]) -> Placed:
        """Return copies in which these rows are blank."""
        copies = Placed(self.shard.copy(), self.part.copy(), self.rank.copy())
        for own in (copies.shard, copies.part, copies.rank):
            own[names] = 0
        return copies


@dataclass(frozen=True, eq=False)
class ShardedState(RowState):
    """All that a fit produces.

    Parameters
    ----------
    design : Design
    shards : tuple of tuple of ServedModel or None
        The stages of each shard: the last of a shard predicts, the others are restart points.
    placed : Placed
    environment : dict of str to str
        In which it was learned.
    """

    design: Design
    shards: tuple[Stages, ...]
    placed: Placed
    environment: dict[str, str]


class Sharded(Wrapped):
    """Learn an estimator of another library in shards of people; forgetting learns their shards again, exactly.

    People go to shards, and within a shard to slices, by keyed hash (SISA: Bourtoule et al. 2021). Each shard is
    encoded by itself. Where the estimator can go on from an earlier fit (LightGBM and XGBoost: from its trees;
    ``SGDClassifier`` and ``SGDRegressor``: from its coefficients; networks: from weights and optimiser) a shard is
    learned slice by slice, and only the stages from the first slice on that somebody leaves are learned again.

    Parameters
    ----------
    estimator : estimator
        As `Retrained` takes it.
    n_shards : int or None
        None chooses by the number of people and by `expected_requests`; `explanation_` says why.
    n_slices : int or None
        None takes 4 where the estimator can go on from an earlier fit and shards have 50,000 people, else 1: stages
        cost accuracy, and time to begin.
    aggregate : {"mean", "median", "vote"}
        How the shards' answers are put together: mean or median of probabilities, or of numbers; or a vote on classes,
        which loses much of an AUC.
    expected_requests : int
        How many people are expected to leave at once.
    random_state : int
        What shards and slices are drawn by, with `key`.
    n_jobs : int or None
        Shards fitted at once, by joblib: ``joblib.parallel_config`` takes another engine. What is learned is the same.
    schema : Schema or None
        Declared columns; None takes kinds from dtypes.
    key : bytes or None
        32 bytes, from which shards, slices, the order of rows and the seeds are derived.

    Attributes
    ----------
    classes_ : ndarray (n_classes,)
        Of a classifier.
    n_shards_, n_slices_ : int
    explanation_ : str
    state_ : ShardedState
        Personal data.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 3))
    >>> y = X[:, 0] > 0
    >>> learner = Sharded(LogisticRegression(), n_shards=5).fit(X, y)
    >>> learner.forget([7]).work["shards_learned_again"]
    1
    >>> rest = np.delete(np.arange(300), 7)
    >>> again = Sharded(LogisticRegression(), n_shards=5).fit(X[rest], y[rest], subjects=rest)
    >>> learner.digest() == again.digest()
    True
    """

    forgets = "shards learned again"

    def __init__(
        self,
        estimator: Any,
        *,
        n_shards: int | None = None,
        n_slices: int | None = None,
        aggregate: Aggregate = "mean",
        expected_requests: int = 1,
        random_state: int = 0,
        n_jobs: int | None = None,
        schema: Schema | None = None,
        key: bytes | None = None,
    ) -> None:
        self.estimator = estimator
        self.n_shards = n_shards
        self.n_slices = n_slices
        self.aggregate = aggregate
        self.expected_requests = expected_requests
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.schema = schema
        self.key = key

    @property
    def n_shards_(self) -> int:
        """How many shards there are."""
        return self._design.n_shards

    @property
    def n_slices_(self) -> int:
        """How many slices a shard has."""
        return self._design.n_slices

    @property
    def explanation_(self) -> str:
        """Why there are so many shards and slices."""
        return self._design.why

    @property
    def _design(self) -> Design:
        state: ShardedState = self._fitted()
        return state.design

    def expected_share(self, n_leaving: int) -> float:
        """Return what forgetting so many people at once costs on average, as a share of a fit."""
        return expected_cost(self.n_shards_, self.n_slices_, n_leaving)

    @available_if(classifies)  # type: ignore[untyped-decorator]  # no types in scikit-learn
    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the share of each class: (n_rows, n_classes)."""
        served: Any = self.serve()
        found: npt.NDArray[np.float64] = served.predict_proba(self._checked(X))
        return found

    def digest(self) -> str:
        """Return the learned digest: over hyperparameters, declared facts, and each shard's models (64 hex)."""
        check_is_fitted(self)
        state: ShardedState = self.state_
        meta = {
            "format": FORMAT,
            "learner": type(self).__name__,
            "hyperparameters": state.hyperparameters,
            "features": [feature.to_dict() for feature in state.features],
            "design": [state.design.n_shards, state.design.n_slices],
            "classes": list(state.classes),
        }
        files = (
            (f"{shard:04d} {stage:02d} {name}", (len(data),), data)
            for shard, stages in enumerate(state.shards)
            for stage, model in enumerate(stages)
            if model is not None
            for name, data in sorted(model.files.items())
        )
        return learned_digest(meta, files)

    def to_parts(self) -> tuple[dict[str, Any], Arrays]:
        """Return records, declared facts, the models of all stages, and where they were learned. Personal data."""
        meta, arrays = super().to_parts()
        state: ShardedState = self.state_
        models = {
            _stage_name(shard, stage): np.frombuffer(model.packed(), np.uint8)
            for shard, stages in enumerate(state.shards)
            for stage, model in enumerate(stages)
            if model is not None
        }
        return meta | {"environment": state.environment}, arrays | models

    def plain_params(self) -> dict[str, Scalar]:
        """Return the hyperparameters, the estimator's class name, and what was set of it as ``estimator__name``."""
        family = family_of(self.estimator)
        own = {name: value for name, value in super().plain_params().items() if "__" not in name}
        return own | {ESTIMATOR: family.name} | prefixed(ESTIMATOR, family.hyperparameters(self.estimator))

    @classmethod
    def from_plain(cls, params: Mapping[str, Scalar], *, schema: Schema | None, key: bytes | None) -> Self:
        """Make one from what `plain_params` returned."""
        prefix = f"{ESTIMATOR}__"
        rest = {name.removeprefix(prefix): value for name, value in params.items() if name.startswith(prefix)}
        own: dict[str, Any] = {name: value for name, value in params.items() if not name.startswith(ESTIMATOR)}
        return cls(estimator_from(str(params[ESTIMATOR]), rest), **own, schema=schema, key=key)

    def _check_parameters(self) -> None:
        self._hyperparameters()
        workers(self.n_jobs)
        for name, most in (("n_shards", MOST_SHARDS), ("n_slices", MOST_SLICES)):
            value = getattr(self, name)
            if value is not None and at_least(name, value, 1) > most:
                raise InputError(f"{name}={value} is too many.", mend=f"Give at most {most}.")
        at_least("expected_requests", self.expected_requests, 1)
        at_least("random_state", self.random_state, 0)
        if self.aggregate not in AGGREGATES:
            raise InputError(f"aggregate={self.aggregate!r} is none.", mend=f"Choose from {list(AGGREGATES)}.")
        if self.task == "regression" and self.aggregate == "vote":
            raise InputError("nobody votes for a number.", mend="Take aggregate='mean' or 'median'.")
        if self.task == "classification" and self.aggregate != "vote" and self._link is None:
            raise InputError(
                f"{self.estimator!r} gives no probabilities, of which to take the {self.aggregate}.",
                mend="Take aggregate='vote', or a loss that gives some.",
            )

    @property
    def _link(self) -> Any:
        return family_of(self.estimator).link(self.estimator)

    def _designed(self, records: Records) -> Design:
        resume = family_of(self.estimator).resume
        return designed(
            sum(len(block.subjects) for block in records.blocks),
            int(self.expected_requests),
            n_shards=None if self.n_shards is None else int(self.n_shards),
            n_slices=None if self.n_slices is None else int(self.n_slices),
            goes_on=resume is not None and resume.able(self.estimator),
        )

    def _derived(self, features: tuple[Feature, ...], named: bool, records: Records, started: float) -> ShardedState:
        records = records.canonical()
        design = self._designed(records)
        placed = self._placed(records, design)
        nothing: dict[int, Stages] = dict.fromkeys(range(design.n_shards), ())
        fitted = self._fit_shards(features, named, records, placed, design, nothing)
        where = environment(family_of(self.estimator).package)
        seconds = (perf_counter() - started) / len(records)
        base = RowState(self.task, self._hyperparameters(), features, named, records, seconds)
        return ShardedState(**base.__dict__, design=design, shards=tuple(fitted), placed=placed, environment=where)

    def _downdated(
        self, before: ShardedState, records: Records, leaving: Cells, rows: npt.NDArray[np.int32]
    ) -> tuple[ShardedState, dict[str, int]]:
        del leaving
        design, shard, part = self._designed(records), before.placed.shard[rows], before.placed.part[rows]
        if (design.n_shards, design.n_slices) != (before.design.n_shards, before.design.n_slices):
            after = self._derived(before.features, before.named, records, perf_counter())
            return after, {"rows_learned_again": len(records), "shards_learned_again": design.n_shards}
        kept = {one: before.shards[one][: part[shard == one].min()] for one in np.unique(shard).tolist()}
        placed = before.placed.without(rows)
        fitted = self._fit_shards(before.features, before.named, records, placed, design, kept)
        shards = list(before.shards)
        for one, stages in zip(kept, fitted, strict=True):
            shards[one] = stages
        after = replace(before, records=records, design=design, shards=tuple(shards), placed=placed)
        work = {
            "rows_learned_again": int(np.isin(placed.shard[records.rows], list(kept)).sum()),
            "shards_learned_again": len(kept),
            "stages_learned_again": sum(design.n_slices - len(own) for own in kept.values()),
        }
        return after, work

    def _fit_shards(
        self,
        features: tuple[Feature, ...],
        named: bool,
        records: Records,
        placed: Placed,
        design: Design,
        kept: Mapping[int, Stages],
    ) -> list[Stages]:
        """Fit some shards, each from the stage on that is not kept."""
        names = records.rows
        shard, part, rank = (own[names] for own in (placed.shard, placed.part, placed.rank))
        stated = {"random_state": to_text(getattr(self.estimator, "random_state", None))}
        rows = [np.flatnonzero(shard == one) for one in kept]
        rows = [own[np.argsort(rank[own], kind="stable")] for own in rows]
        numbers = range(design.n_slices)
        slices = iter(records.taken(own[part[own] == number] for own in rows for number in numbers))
        works = [
            Work(
                *(self.estimator, features, named, self.task == "classification"),
                slices=[next(slices) for _ in numbers],
                kept=stages,
                seeds=[seed_of(stated, self.key, f" {one} {number}") for number in numbers],
            )
            for one, stages in kept.items()
        ]
        found: list[Stages] = Parallel(n_jobs=self.n_jobs)(delayed(fit_slices)(work) for work in works)
        return found

    def _placed(self, records: Records, design: Design) -> Placed:
        counts, subjects = records.counts, records.subjects
        each = (*places_of(subjects, design, int(self.random_state), self.key), keyed_ranks(subjects, self.key))
        by_name = np.empty((3, int(records.rows.max()) + 1), np.int32)
        by_name[:, records.rows] = np.repeat(np.array(each, np.int32), counts, axis=1)
        return Placed(*(own.copy() for own in by_name))

    def _resumed(self, rows: tuple[Any, ...], meta: dict[str, Any], arrays: Arrays) -> ShardedState:
        """Take up the models as they were saved: a refit in another environment would be other models."""
        features, named, records, started = rows
        records = records.canonical()
        design = self._designed(records)
        shards = tuple(
            tuple(
                unpacked(arrays[name].tobytes()) if (name := _stage_name(shard, stage)) in arrays else None
                for stage in range(design.n_slices)
            )
            for shard in range(design.n_shards)
        )
        recorded = {str(name): str(value) for name, value in dict(meta["environment"]).items()}
        seconds = (perf_counter() - started) / len(records)
        base = RowState(self.task, self._hyperparameters(), features, named, records, seconds)
        placed = self._placed(records, design)
        return ShardedState(**base.__dict__, design=design, shards=shards, placed=placed, environment=recorded)

    def _made(self, state: ShardedState) -> ServedModel:
        columns = tuple(Column(feature.name, None if feature.kind is Kind.NUMERIC else ()) for feature in state.inputs)
        words = state.classes if self.task == "classification" else None
        members = tuple(stages[-1] for stages in state.shards if stages[-1] is not None)
        return ShardsModel(Signature(columns, state.named, words), self.aggregate, self._link, members)


def _stage_name(shard: int, stage: int) -> str:
    return f"model {shard:04d} {stage:02d}"
