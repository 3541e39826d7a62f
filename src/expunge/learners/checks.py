"""`check_learner`: whether a learner keeps the contract of `expunge.learners.base`, on made-up people.

Like scikit-learn's ``check_estimator``, for forgetting. Every check is a function of a `Case`, named after what must
hold; the table `CHECKS` lists them in order, from the plainest to the finest, so that the first to fail names the
fault.

A refit gets raw rows, and nothing else but schema, hyperparameters and key (``sklearn.clone``): whatever a learner
hands itself over, it is not there. What several checks ask for is fitted once, and whoever changes it gets a deep
copy; that fits of the same rows are the same is a check too.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, cast

import numpy as np
from sklearn import config_context
from sklearn.base import clone, is_classifier
from sklearn.utils import get_tags

from expunge.domain.guarantee import Certified, Empirical, Exact, Guarantee
from expunge.domain.subject import SubjectId
from expunge.errors import BudgetSpentError, CannotForgetError, ExpungeError, LearnerCheckError, UnknownSubjectError
from expunge.learners.base import Learner
from expunge.learners.case import (
    Alternatives,
    BrokenError,
    Case,
    copied,
    equal,
    interrupted,
    must,
    must_be_same,
    outputs,
    task_of,
)
from expunge.learners.people import random_people
from expunge.learners.reach import reachable
from expunge.learners.served import ServedModel, digest_of_files
from expunge.learners.state import dump, load

INTERRUPTIONS: Final = 24
"""How many points of a forget, chosen at random, are interrupted per table; and the last lines always."""


def check_learner(learner: Learner, *, seed: int = 0, alternatives: Alternatives | None = None) -> None:
    """Check that a learner keeps its contract.

    Parameters
    ----------
    learner : Learner
        Classifier, regressor or transformer; fitted or not, it is only cloned. It must take data frames with numbers,
        text and missing cells; targets are of both signs, and numbers too, unless its tags say ``positive_only`` of
        either. With ``key=None``, no key is set.
    seed : int
        Of the made-up people and of the choices among them.
    alternatives : mapping of str to sequence, or None
        Other values to try for a hyperparameter, where its type does not suggest any; an empty sequence exempts one
        that, under the others' present values, rightly changes nothing.

    Raises
    ------
    LearnerCheckError
        Naming the first check that failed.

    Examples
    --------
    >>> from expunge.learners.exact import RidgeClassifier
    >>> check_learner(RidgeClassifier())
    """
    task = task_of(learner)
    for number, (text_ids, declared) in enumerate(((False, False), (True, True), (True, False), (False, True))):
        classes = 2 if number % 2 == 0 else 3
        people = random_people(seed + number, task, text_ids=text_ids, declared=declared, classes=classes)
        if people.y is not None and get_tags(learner).target_tags.positive_only:
            people = replace(people, y=np.abs(people.y))
        people = people.counted() if get_tags(learner).input_tags.positive_only else people
        case = Case(learner, people, np.random.default_rng(seed), alternatives or MappingProxyType({}))
        for check in CHECKS:
            if check.applies(learner):
                _run(check, replace(case, rng=np.random.default_rng(seed)))


def the_guarantee_is_of_one_class(case: Case) -> None:
    """Check that the learner states Exact, Certified or Empirical."""
    guarantee = case.fitted().guarantee
    must(isinstance(guarantee, Exact | Certified | Empirical), f"guarantee is {guarantee!r}.")


def the_key_is_never_shown(case: Case) -> None:
    """Check that neither `repr` nor the notebook's HTML shows the key."""
    key = bytes(range(65, 97))
    keyed = clone(case.learner).set_params(key=key)
    with config_context(print_changed_only=False):
        shown = repr(keyed) + keyed._repr_html_inner()
    leaks = [spelling for spelling in (key.decode(), key.hex(), repr(key)) if spelling in shown]
    must(not leaks, "repr or HTML shows the key.")


def row_order_does_not_matter(case: Case) -> None:
    """Check that the digest is a function of the set of rows."""
    expected = case.fit().digest()
    must(case.fitted().digest() == expected, "the digest differs between two fits of the same rows.")
    for _ in range(3):
        shuffled = case.people.only(case.rng.permutation(len(case.people.ids)))
        must(case.fit(shuffled).digest() == expected, "the digest differs for permuted rows.")


def only_the_named_leave(case: Case) -> None:
    """Check that whoever is named leaves with all their rows, and nobody else."""
    named = case.some(1)
    learner = case.fitted()
    report = learner.forget(named)
    rest = [subject for subject in case.people.subjects if subject not in named]
    must(set(learner.subjects_held()) == set(rest), f"asked to forget {named}, it lost other people, or not these.")
    rows = int(case.people.rows(named).sum())
    must(report.subjects == 1 and report.records == rows, f"the report counts {report}, {rows} records were theirs.")
    must(learner.records_held() == len(case.people.ids) - rows, "the number of records held is wrong.")
    if not isinstance(learner.guarantee, Exact):
        return
    expected = case.refit_without(named).digest()
    for other in rest:
        mistaken = case.refit_without([other]).digest()
        must(
            mistaken == expected or learner.digest() != mistaken,
            f"asked to forget {named[0]!r}, it learned as if {other!r} had left.",
        )


def forgetting_equals_refitting(case: Case) -> None:
    """Check that one by one, in batches, in any order, rows permuted, the digest is that of a refit without them."""
    for count in (1, 2, 4):
        leaving = case.some(count)
        shuffled = case.people.only(case.rng.permutation(len(case.people.ids)))
        expected, fitted = case.refit_without(leaving).digest(), case.fit(shuffled)
        for batches in ([leaving], [[subject] for subject in leaving], _batches(leaving, case.rng)):
            learner = copy.deepcopy(fitted)
            for batch in batches:
                learner.forget(batch)
            must(learner.digest() == expected, f"after forgetting {batches} the digest is not that of a refit.")


def learning_more_equals_fitting_all(case: Case) -> None:
    """Check, where a learner has `learn`, that learning the rest later gives what a fit on everybody gives."""
    later = [case.people.extreme, case.people.lone, *case.some(3)]
    first, rest = case.people.without(later), case.people.only(case.people.rows(later))
    if not hasattr(case.learner, "learn") or (is_classifier(case.learner) and np.unique(np.asarray(first.y)).size < 2):
        return
    learner: Any = copy.deepcopy(case.refit_without(later))
    learner.learn(rest.X.copy(), copied(rest.y), subjects=rest.ids.copy())
    must(learner.digest() == case.fitted().digest(), f"after learning {later} it is not a fit on everybody.")
    learner.forget(later)
    must(
        learner.digest() == case.refit_without(later).digest(), f"after learning and forgetting {later} it is another."
    )


def an_extreme_leaves_with_its_owner(case: Case) -> None:
    """Check that ranges, edges and scales that were read off someone's rows are read again."""
    _equals_refit(case, [case.people.extreme], "the owner of the largest values")


def a_category_leaves_with_its_last_holder(case: Case) -> None:
    """Check that a category that nobody has any more is gone."""
    _equals_refit(case, [case.people.lone], "the only holder of a category")


def any_sequence_equals_refitting(case: Case) -> None:
    """Check long random sequences, owners of extremes and of lone categories among them."""
    learner, gone = case.fitted(), []
    order: list[SubjectId] = [case.people.extreme, case.people.lone, *case.some(4)]
    for place in case.rng.permutation(len(order)):
        gone.append(order[place])
        learner.forget([order[place]])
        must(learner.digest() == case.refit_without(gone).digest(), f"after forgetting {gone} it is not a refit's.")


def saved_bytes_equal_a_refits(case: Case) -> None:
    """Check that what is saved after forgetting is, byte for byte, what is saved after a refit."""
    leaving = [case.people.lone, *case.some(2)]
    learner = case.fitted()
    learner.forget(leaving)
    must(dump(learner) == dump(case.refit_without(leaving)), "the saved bytes differ from a refit's.")


def unknown_people_are_refused(case: Case) -> None:
    """Check that an unknown id, alone or among known ones, raises and changes nothing."""
    known = case.some(1)[0]
    other: SubjectId = str(known) if isinstance(known, int) else 7
    lists: list[list[SubjectId]] = [[other], [known, other], [other, known], ["nobody"]]
    for wrong in lists:
        _refuses(case, case.fitted(), wrong, UnknownSubjectError)


def nobody_is_forgotten_twice(case: Case) -> None:
    """Check that who is forgotten is unknown, and that who was not named can still be forgotten."""
    first, second = case.some(2)
    learner = case.fitted()
    learner.forget([first])
    _refuses(case, learner, [first], UnknownSubjectError)
    learner.forget([second])


def the_last_ones_are_refused(case: Case) -> None:
    """Check that forgetting everybody, or the last member of a class, raises and changes nothing."""
    _refuses(case, case.fitted(), case.people.subjects, CannotForgetError)
    y = case.people.y
    if is_classifier(case.learner) and y is not None:
        members = sorted(set(case.people.ids[y == y[0]].tolist()))
        if len(members) < len(case.people.subjects):
            _refuses(case, case.fitted(), members, CannotForgetError)


def the_callers_arrays_are_not_kept(case: Case) -> None:
    """Check that overwriting what was handed in changes nothing."""
    people = case.people
    X, ids = people.X[["visits", "score"]].to_numpy(dtype=np.float64, copy=True), people.ids.copy()
    y = None if people.y is None else people.y.copy()
    learner: Learner = clone(case.learner).set_params(schema=None).fit(X, y, subjects=ids)
    expected, saved, held = learner.digest(), dump(learner), learner.subjects_held()
    X[...] = 3.0
    ids[...] = ids[0]
    if y is not None:
        y[...] = y[0]
    learner.subjects_held().clear()
    must(learner.digest() == expected and dump(learner) == saved, "the state shares memory with the caller's arrays.")
    must(learner.subjects_held() == held, "the list of subjects is the state's own.")


def no_forgotten_row_is_reachable(case: Case) -> None:
    """Check that neither the object nor its saved bytes hold a forgotten person's id, number or category."""
    leaving = [case.people.extreme, case.people.lone, *case.some(1)]
    needles = case.people.needles(leaving)
    learner = case.fit()  # no copy: one may leave behind what the first holds
    for _ in range(2):  # caches too: ask for everything that may be kept
        outputs(learner, case.people.without(leaving))
        learner.digest()
        if set(leaving) <= set(learner.subjects_held()):
            must(bool(reachable(learner, needles)), "the search found nothing even before forgetting.")
            learner.forget(leaving)
    left = reachable(learner, needles) | needles.in_bytes(dump(learner))
    must(not left, f"forgotten values are still held: {sorted(map(str, left))}.")


def saving_and_loading_changes_nothing(case: Case) -> None:
    """Check that a loaded learner has the same digest and predictions, and goes on forgetting."""
    learner = case.fitted()
    again = load(dump(learner), key=learner.get_params(deep=False)["key"], cls=type(learner))
    must(again.digest() == learner.digest() and dump(again) == dump(learner), "the loaded state differs.")
    must_be_same(outputs(learner, case.people), outputs(again, case.people), "the loaded learner predicts otherwise")
    leaving = [case.people.lone, *case.some(1)]
    learner.forget(leaving)
    again.forget(leaving)
    must(again.digest() == learner.digest(), "the loaded learner forgets otherwise.")


def an_interruption_leaves_old_or_new(case: Case) -> None:
    """Check that Ctrl-C at any line inside a forget leaves the old state or the new one, and a learner that goes on."""
    leaving = [case.people.lone, *case.some(1)]
    fitted = case.fitted()
    outputs(fitted, case.people)
    finished = copy.deepcopy(fitted)
    lines = interrupted(finished, leaving, at=0)
    old, new, expected = fitted.digest(), finished.digest(), outputs(finished, case.people)
    everybody, rest = set(fitted.subjects_held()), set(finished.subjects_held())
    points = {*range(max(1, lines - 5), lines + 1), *case.rng.integers(1, lines + 1, INTERRUPTIONS).tolist()}
    for point in sorted(points):
        learner = copy.deepcopy(fitted)
        interrupted(learner, leaving, at=point)
        held = set(learner.subjects_held())
        where = f"after an interruption at line {point} of {lines}"
        must((learner.digest(), held) in ((old, everybody), (new, rest)), f"{where} the state is a mixture.")
        if held == everybody:
            learner.forget(leaving)
        must(learner.digest() == new, f"{where} the learner cannot go on.")
        must_be_same(outputs(learner, case.people), expected, f"{where} predictions differ")


def every_hyperparameter_counts(case: Case) -> None:
    """Check that another value of any hyperparameter changes what comes out: none is read and ignored.

    Of a learner that is not Exact, what comes out after forgetting counts too: there a hyperparameter may say how.
    """
    leaving = case.some(1)

    def results(**params: Any) -> list[Any]:
        learner = case.fit(**params) if params else case.fitted()
        found = outputs(learner, case.people)
        if not isinstance(learner.guarantee, Exact):
            learner.forget(leaving)
            found += outputs(learner, case.people)
        return found

    expected = results()
    for name, value in case.learner.get_params(deep=False).items():
        if name in {"schema", "key", "n_jobs"}:
            continue
        tried = case.alternatives[name] if name in case.alternatives else _others(name, value)
        if tried and all(equal(expected, results(**{name: other})) for other in tried):
            raise BrokenError(f"{name}={value!r} and {', '.join(map(repr, tried))} give the same results.")


def the_served_model_predicts_the_same(case: Case) -> None:
    """Check that the artefact predicts what the learner does, survives saving, and holds no row."""
    learner = case.fitted()
    served = learner.serve()
    must_be_same(outputs(learner, case.people), outputs(served, case.people), "the served model predicts otherwise")
    someone = case.some(1)
    needles = case.people.needles(someone)
    with tempfile.TemporaryDirectory() as folder:
        served.save(folder)
        again = ServedModel.load(folder)
        must(again.digest() == served.digest() == digest_of_files(folder), "the served digest changed by saving.")
        must_be_same(outputs(served, case.people), outputs(again, case.people), "the loaded model predicts otherwise")
    held = reachable(served, needles) | needles.in_bytes(b"".join(served.files.values()))
    must(not held, f"the served model holds values of {someone[0]!r}: {sorted(map(str, held))}.")
    learner.forget(someone)
    if isinstance(learner.guarantee, Exact):
        expected = case.refit_without(someone).serve().digest()
        must(learner.serve().digest() == expected, "after forgetting, the served digest is not a refit's.")


def the_budget_is_kept(case: Case) -> None:
    """Check that removals spend what was declared and no more, and that only a refit begins afresh."""
    learner = case.fitted()
    declared = _certified(learner)
    must(0 <= declared.spent <= 1, f"{declared.spent:g} of the budget is spent by the fit.")
    for leaving in case.some(6):
        before = _certified(learner)
        try:
            work = learner.forget([leaving]).work
        except BudgetSpentError:
            _refuses(case, learner, [leaving], BudgetSpentError)
            held = learner.subjects_held()
            learner = copy.deepcopy(case.refit_without([one for one in case.people.subjects if one not in held]))
            must(_certified(learner).spent <= before.spent, "a refit does not begin with a fresh budget.")
            continue
        after = _certified(learner)
        same = (after.epsilon, after.delta) == (declared.epsilon, declared.delta)
        must(same, f"the guarantee changed from {declared} to {after}.")
        must(after.spent > before.spent or "refits" in work, f"forgetting {leaving} spent nothing, without a refit.")
        must(after.spent <= 1, f"{after.spent:g} of the budget is spent.")


def forgetting_does_something(case: Case) -> None:
    """Check that what predicts is another after anybody left, and that nothing is called erased that is measured."""
    for leaving in case.some(4):
        learner = case.fitted()
        before, served = learner.digest(), learner.serve().digest()
        learner.forget([leaving])
        must(learner.digest() != before, f"after forgetting {leaving!r} it has learned what it had learned.")
        must(learner.serve().digest() != served, f"after forgetting {leaving!r} it serves what it served.")
        must("erase" not in str(learner.guarantee), f"an empirical method calls it erased: {learner.guarantee}.")


@dataclass(frozen=True)
class Check:
    """One line of the table: the function, and which learners it is for."""

    run: Callable[[Case], None]
    of: type[Guarantee] | None = None
    predictor: bool = False

    def applies(self, learner: Learner) -> bool:
        """Whether this learner is one of those."""
        return (self.of is None or isinstance(learner.guarantee, self.of)) and (
            not self.predictor or task_of(learner) is not None
        )


CHECKS: Final = (
    Check(the_guarantee_is_of_one_class),
    Check(the_key_is_never_shown),
    Check(row_order_does_not_matter, of=Exact),
    Check(only_the_named_leave),
    Check(forgetting_equals_refitting, of=Exact),
    Check(an_extreme_leaves_with_its_owner, of=Exact),
    Check(a_category_leaves_with_its_last_holder, of=Exact),
    Check(any_sequence_equals_refitting, of=Exact),
    Check(learning_more_equals_fitting_all, of=Exact),
    Check(saved_bytes_equal_a_refits, of=Exact),
    Check(unknown_people_are_refused),
    Check(nobody_is_forgotten_twice),
    Check(the_last_ones_are_refused),
    Check(the_callers_arrays_are_not_kept),
    Check(no_forgotten_row_is_reachable),
    Check(saving_and_loading_changes_nothing),
    Check(an_interruption_leaves_old_or_new),
    Check(every_hyperparameter_counts),
    Check(the_served_model_predicts_the_same, predictor=True),
    Check(the_budget_is_kept, of=Certified),
    Check(forgetting_does_something, of=Empirical),
)


def _run(check: Check, case: Case) -> None:
    name = check.run.__name__
    try:
        check.run(case)
    except BrokenError as broken:
        raise LearnerCheckError(name, str(broken)) from None
    except Exception as error:
        raise LearnerCheckError(name, f"{type(error).__name__}: {error}") from error


def _batches(leaving: list[SubjectId], rng: np.random.Generator) -> list[list[SubjectId]]:
    """Cut into two batches, in another order."""
    shuffled = [leaving[place] for place in rng.permutation(len(leaving))]
    cut = int(rng.integers(0, len(leaving)))
    return [batch for batch in (shuffled[:cut], shuffled[cut:]) if batch]


def _equals_refit(case: Case, leaving: list[SubjectId], who: str) -> None:
    learner = case.fitted()
    learner.forget(leaving)
    refit = case.refit_without(leaving)
    must(learner.digest() == refit.digest(), f"after forgetting {who}, the digest is not that of a refit.")
    must_be_same(
        outputs(learner, case.people), outputs(refit, case.people), f"after forgetting {who}, predictions differ"
    )


def _certified(learner: Learner) -> Certified:
    guarantee = learner.guarantee
    must(isinstance(guarantee, Certified), f"the guarantee became {guarantee!r}.")
    return cast("Certified", guarantee)


def _refuses(case: Case, learner: Learner, wrong: list[SubjectId], kind: type[ExpungeError]) -> None:
    digest, saved = learner.digest(), dump(learner)
    try:
        learner.forget(wrong)
    except kind:
        must(learner.digest() == digest and dump(learner) == saved, f"the refused forget({wrong}) changed something.")
        outputs(learner, case.people)
        return
    raise BrokenError(f"forget({wrong}) was not refused with {kind.__name__}.")


def _others(name: str, value: Any) -> tuple[Any, ...]:
    """Suggest other values for a hyperparameter, by its type."""
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (max(2, value // 16), value * 16 + 1)
    if isinstance(value, float):
        return (value / 100, value * 100)
    raise BrokenError(f"no other value for {name}={value!r} suggests itself: pass alternatives={{{name!r}: [...]}}.")
