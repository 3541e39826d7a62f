"""`check_learner` passes what is sound, and fails each broken learner in the check of what it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pytest

from expunge.domain.guarantee import Certified
from expunge.domain.subject import SubjectId
from expunge.errors import BudgetSpentError
from expunge.learners import LearnerCheckError, check_learner
from expunge.learners.base import ForgetReport, Learner
from expunge.learners.certified import CertifiedLogisticRegression
from expunge.learners.empirical import TorchClassifier
from expunge.learners.encoding.codes import Column, learn_columns
from expunge.learners.exact import RidgeClassifier, TableEncoder
from expunge.learners.exact.records import Records
from expunge.learners.exact.table import TableState
from expunge.learners.people import random_people
from expunge.learners.reach import reachable


class KeepsARow(RidgeClassifier):
    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:
        listed = list(subjects)
        records = self.state_.records
        cells, _ = records.rows_at(records.places_of(listed))
        report = super().forget(listed)
        self.history_ = [cells.numbers[:1]]
        return report


class ForgetsAllButTheEncoder(RidgeClassifier):
    def _downdated(
        self, before: TableState, records: Records, leaving: Any, _rows: Any
    ) -> tuple[TableState, dict[str, int]]:
        assert before.moments is not None
        return replace(before, records=records, moments=before.moments.minus(before.encoding, leaving)), {}


class DependsOnRowOrder(RidgeClassifier):
    def digest(self) -> str:
        running = np.float32(0)
        for number in np.nan_to_num(self.state_.records.cells.numbers[:, 0]):
            running = np.float32(running * np.float32(0.9) + np.float32(number))
        return super().digest()[:-8] + running.tobytes().hex()


class LearnsTheNewRowsAlone(RidgeClassifier):
    def learn(self, X: Any, y: Any = None, *, subjects: Any = None) -> Self:
        return self.fit(X, y, subjects=subjects)


class _KeepsFacts(RidgeClassifier):
    def _kept(self, old: Column, new: Column) -> Column:
        raise NotImplementedError

    def _downdated(
        self, before: TableState, records: Records, _leaving: Any, _rows: Any
    ) -> tuple[TableState, dict[str, int]]:
        fresh = learn_columns(before.features, records.cells)
        columns = tuple(self._kept(old, new) for old, new in zip(before.encoding.columns, fresh, strict=True))
        stale = replace(before, encoding=type(before.encoding)(columns, 2), records=records)
        state = self._derived(before.features, before.named, records, 0.0)
        same = columns == state.encoding.columns
        return (state if same else replace(stale, moments=before.moments)), {}


class KeepsRangesOfRowsThatLeft(_KeepsFacts):
    def _kept(self, old: Column, new: Column) -> Column:
        return replace(new, low=old.low, high=old.high)


class KeepsCategories(_KeepsFacts):
    def _kept(self, old: Column, new: Column) -> Column:
        return replace(new, words=old.words)


class ForgetsOnlyTheId(RidgeClassifier):
    def _downdated(
        self, before: TableState, records: Records, _leaving: Any, _rows: Any
    ) -> tuple[TableState, dict[str, int]]:
        return replace(before, records=records), {}


class ForgetsAWrongPerson(RidgeClassifier):
    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:
        named = list(subjects)
        self.state_.records.places_of(named)
        held = self.subjects_held()
        if len(named) >= len(held):
            return super().forget(named)
        return super().forget([next(other for other in held if other not in named)])


class ForgetsAWrongPersonsRows(RidgeClassifier):
    """The id that was asked for goes, with somebody else's rows."""

    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:
        (named,) = subjects
        records = self.state_.records
        size = dict(zip(records.subjects, np.diff(records.starts), strict=True))
        other = next((s for s in records.subjects if s != named and size[s] == size[named]), named)
        report = super().forget([other])
        kept = self.state_.records
        blocks = tuple(
            replace(block, subjects=tuple(other if subject == named else subject for subject in block.subjects))
            for block in kept.blocks
        )
        self.state_ = replace(self.state_, records=replace(kept, blocks=blocks))
        return report


class ChangesInTwoSteps(RidgeClassifier):
    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:
        before = self.state_
        report = super().forget(subjects)
        after, self.state_ = self.state_, before
        self.state_ = replace(before, moments=after.moments)
        self.state_ = after
        return report


class IgnoresAlpha(RidgeClassifier):
    def _solved(self, state: TableState) -> Any:
        return super()._solved(replace(state, hyperparameters={"alpha": "f:1.0"}))


class KeepsTheCallersArray(RidgeClassifier):
    def fit(self, X: Any, y: Any = None, *, subjects: Any = None) -> Self:
        super().fit(X, y, subjects=subjects)
        if isinstance(X, np.ndarray):
            self.seen_ = X
        return self

    def digest(self) -> str:
        total = int(np.nansum(self.seen_)) if hasattr(self, "seen_") else 0
        return f"{total % 2**32:08x}" + super().digest()[8:]


class ShowsItsKey(RidgeClassifier):
    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        return f"{type(self).__name__}(key={None if self.key is None else bytes(self.key)!r})"


class ForgetsHalfOfAList(RidgeClassifier):
    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:
        report = ForgetReport(0, 0, {}, 0.0, 0.0)
        for subject in subjects:
            one = super().forget([subject])
            report = replace(one, subjects=report.subjects + 1, records=report.records + one.records)
        return report


class Crashes(RidgeClassifier):
    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:  # noqa: ARG002
        raise RuntimeError("not today")


class SpendsNothing(CertifiedLogisticRegression):
    @property
    def spent(self) -> float:
        return 0.0


class LowersItsTerms(CertifiedLogisticRegression):
    @property
    def guarantee(self) -> Certified:
        return Certified(self.epsilon + self.spent, self.delta, self.spent)


class RefusesTheFifth(CertifiedLogisticRegression):
    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:
        if len(self.state_.records.subjects) < 10:
            self.state_.records.places_of(list(subjects))
            raise BudgetSpentError("enough.", mend="Fit again.")
        return super().forget(subjects)


class RefusesTheFifthTooLate(RefusesTheFifth):
    def forget(self, subjects: Iterable[SubjectId]) -> ForgetReport:
        listed = list(subjects)
        if len(self.state_.records.subjects) < 10:
            CertifiedLogisticRegression.forget(self, listed)
        return super().forget(listed)


class ForgetsInItsListAlone(TorchClassifier):
    """What its peers were found to do: the rows go, the network stays."""

    def _forgotten(self, before: Any, *_: Any) -> Any:
        return before.model


def test_a_method_that_does_nothing_is_found() -> None:
    with pytest.raises(LearnerCheckError, match="forgetting_does_something: after forgetting"):
        check_learner(
            ForgetsInItsListAlone(epochs=2, batch_size=8), alternatives={"method": (), "recipe": (), "device": ()}
        )


@pytest.mark.parametrize("broken", [SpendsNothing, LowersItsTerms, RefusesTheFifthTooLate])
def test_a_broken_budget_is_found(broken: type[CertifiedLogisticRegression]) -> None:
    with pytest.raises(LearnerCheckError) as caught:
        check_learner(broken(0.1, sigma=3.0), alternatives={"epsilon": (), "delta": ()})
    assert caught.value.check == "the_budget_is_kept"


def test_whoever_refuses_past_the_budget_and_is_fitted_again_passes() -> None:
    check_learner(RefusesTheFifth(0.1, sigma=3.0), alternatives={"epsilon": (), "delta": ()})


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (LearnsTheNewRowsAlone, "learning_more_equals_fitting_all"),
        (KeepsARow, "no_forgotten_row_is_reachable"),
        (ForgetsAllButTheEncoder, "an_extreme_leaves_with_its_owner"),
        (DependsOnRowOrder, "row_order_does_not_matter"),
        (KeepsRangesOfRowsThatLeft, "an_extreme_leaves_with_its_owner"),
        (KeepsCategories, "a_category_leaves_with_its_last_holder"),
        (ForgetsOnlyTheId, "forgetting_equals_refitting"),
        (ForgetsAWrongPerson, "only_the_named_leave"),
        (ForgetsAWrongPersonsRows, "only_the_named_leave"),
        (ChangesInTwoSteps, "an_interruption_leaves_old_or_new"),
        (IgnoresAlpha, "every_hyperparameter_counts"),
        (KeepsTheCallersArray, "the_callers_arrays_are_not_kept"),
        (ShowsItsKey, "the_key_is_never_shown"),
        (ForgetsHalfOfAList, "unknown_people_are_refused"),
        (Crashes, "only_the_named_leave"),
    ],
)
def test_a_broken_learner_fails_the_check_of_what_it_breaks(broken: type[Learner], check: str) -> None:
    with pytest.raises(LearnerCheckError) as caught:
        check_learner(broken())
    assert caught.value.check == check
    assert str(caught.value).startswith(check)


@pytest.mark.parametrize("seed", range(1, 4))
def test_a_sound_learner_passes_on_other_people(seed: int) -> None:
    check_learner(RidgeClassifier(), seed=seed)


def test_a_fitted_learner_is_not_touched() -> None:
    learner = RidgeClassifier().fit([[0.0], [1.0], [2.0]], [0, 1, 1])
    digest = learner.digest()
    check_learner(learner)
    assert learner.digest() == digest


def test_a_hyperparameter_without_other_values_must_be_told() -> None:
    with pytest.raises(LearnerCheckError, match="alternatives=") as caught:
        check_learner(TableEncoder("bins"))
    assert caught.value.check == "every_hyperparameter_counts"


@pytest.mark.parametrize("text_ids", [False, True])
@pytest.mark.parametrize("declared", [False, True])
def test_made_up_people_have_what_makes_forgetting_hard(text_ids: bool, declared: bool) -> None:
    people = random_people(3, "classification", text_ids=text_ids, declared=declared)
    assert len(people.subjects) < len(people.ids)
    assert people.X.isna().any().sum() >= 3
    mine = people.rows([people.extreme])
    for name in ("amount", "visits", "score"):
        assert people.X.loc[mine, name].max() == people.X[name].max() > people.X.loc[~mine, name].max()
    alone = set(people.X.loc[people.rows([people.lone]), "ward"])
    assert len(alone) == 1
    assert not alone & set(people.X.loc[~people.rows([people.lone]), "ward"])
    needles = people.needles([people.extreme, people.lone])
    assert reachable(people, needles) == {*needles.texts, *needles.integers, *needles.floats}
    assert not reachable(people.without([people.extreme, people.lone]).X, needles)
