"""A statement cannot contradict itself about release rule, seeds and utility guard; whoever verifies sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.certificates import sign, verify
from expunge.certificates.release import guard_faults, possible, release_faults, seed_faults
from expunge.certificates.statement import contradictions, parse, payload
from expunge.domain.certificate import Copy, Fate, Guard, Release, Rule, Seed, Statement
from expunge.domain.plan import Method
from expunge.domain.report import Check, Verdict
from expunge.errors import EnvelopeFormatError, SigningRefusedError

World = Any  # of conftest.py
AT = "2026-11-02T09:00:00Z"
FIGURES = st.one_of(st.none(), st.text(max_size=12), st.from_regex(r"-?[0-9]{1,3}(\.[0-9]{1,3})?(e[+-]?[0-9]{1,9})?"))


def ridge(world: World) -> Copy:
    (copy,) = (copy for copy in world.statement.copies if copy.name == "ridge")
    assert isinstance(copy, Copy)
    return copy


def measured(world: World, before: str, after: str, **changes: Any) -> Copy:
    replayed = ridge(world).checks[0]
    useful = Check("utility", Verdict.PASSED, "AUC.", {"before": before, "after": after})
    return replace(ridge(world), checks=(replayed, useful), **changes)


def with_copy(world: World, copy: Copy, **changes: Any) -> Statement:
    copies = tuple(copy if one.object == copy.object else one for one in world.statement.copies)
    statement = replace(world.statement, copies=copies, **changes)
    assert isinstance(statement, Statement)
    return statement


ACCEPTED = Guard("0.05", "0.060", Fate.ACCEPTED, "A-1", AT)
WITHIN = Guard("0.05", "0.020", Fate.WITHIN, None, None)


def test_what_is_said_truly_is_signed_verified_and_read_back(world: World) -> None:
    copy = measured(world, "0.710", "0.650", guard=ACCEPTED, seed=Seed(2, AT, renewed=False))
    statement = with_copy(world, copy, release=Release(2, 14, 3, 2, Rule.ENOUGH))
    assert list(contradictions(statement)) == []
    assert parse(payload(statement)) == statement
    verified = verify(world.issue(sign(statement, world.evidence, world.key)), world.public_pem)
    assert verified.statement.release == statement.release


@pytest.mark.parametrize(
    "release",
    [
        Release(2, 14, 3, 3, Rule.ENOUGH),
        Release(2, 14, 3, 2, Rule.DEADLINE),
        Release(5, 14, 3, 2, Rule.ENOUGH),
        Release(5, 14, 3, 2, Rule.NO_MODEL),
        Release(5, 14, 3, 0, Rule.NO_MODEL),
    ],
)
def test_a_release_rule_that_was_not_so_is_refused(world: World, release: Release) -> None:
    statement = replace(world.statement, release=release)
    assert list(release_faults(statement))
    with pytest.raises(SigningRefusedError, match="left"):
        sign(statement, world.evidence, world.key)


@pytest.mark.parametrize("rule", [Rule.WINDOW, Rule.DEADLINE])
def test_a_small_batch_went_by_window_or_deadline(world: World, rule: Rule) -> None:
    assert not list(release_faults(replace(world.statement, release=Release(5, 14, 3, 2, rule))))


def test_a_rule_that_nobody_knows_is_no_certificate(world: World) -> None:
    value = world.statement.to_dict()
    value["predicate"]["release"] = {**vars(Release(1, 0, 3, 2, Rule.ENOUGH)), "rule": "we were in a hurry"}
    with pytest.raises(EnvelopeFormatError, match=r"release\.rule"):
        Statement.from_dict(value)


@pytest.mark.parametrize(
    ("guard", "method"),
    [
        (replace(WITHIN, drop="0.010"), Method.FORGET),
        (replace(ACCEPTED, bound="0.10"), Method.FORGET),
        (replace(ACCEPTED, fate=Fate.WAITS, by=None, at=None), Method.FORGET),
        (replace(ACCEPTED, fate=Fate.WITHIN, by=None, at=None), Method.FORGET),
        (replace(ACCEPTED, fate=Fate.RETIRED), Method.FORGET),
        (ACCEPTED, Method.RETIRE),
        (replace(ACCEPTED, by=None), Method.FORGET),
        (replace(ACCEPTED, at=None), Method.FORGET),
        (replace(ACCEPTED, fate=Fate.DEADLINE), Method.FORGET),
        (replace(ACCEPTED, fate=Fate.UNMEASURED, by=None, at=None), Method.FORGET),
        (Guard("0.05", None, Fate.UNMEASURED, None, None), Method.FORGET),
    ],
)
def test_a_guard_that_contradicts_figures_decision_or_method_is_refused(
    world: World, guard: Guard, method: Method
) -> None:
    assert list(guard_faults(measured(world, "0.710", "0.650", guard=guard, method=method)))


def test_a_guard_that_fits_is_not(world: World) -> None:
    assert not list(guard_faults(measured(world, "0.710", "0.690", guard=WITHIN)))
    assert not list(guard_faults(measured(world, "0.710", "0.650", guard=ACCEPTED)))
    deadline = replace(ACCEPTED, fate=Fate.DEADLINE, by=None)
    assert not list(guard_faults(measured(world, "0.710", "0.650", guard=deadline)))


@given(FIGURES, FIGURES)
def test_figures_that_are_none_raise_nothing(world: World, before: str | None, after: str | None) -> None:
    figures = {name: text for name, text in (("before", before), ("after", after)) if text is not None}
    copy = replace(ridge(world), checks=(Check("utility", Verdict.PASSED, "AUC.", figures),), guard=WITHIN)
    list(guard_faults(copy))


@given(st.decimals(0, 1, places=3), st.decimals(-1, 1, places=3))
def test_only_a_loss_beyond_the_bound_leaves_anything_to_decide(bound: Any, drop: Any) -> None:
    assert (Fate.ACCEPTED in possible(str(bound), str(drop))) == (drop > bound)
    assert (Fate.WITHIN in possible(str(bound), str(drop))) == (drop <= bound)


def test_seeds_belong_to_models_and_are_renewed_by_a_retrain(world: World) -> None:
    seed = Seed(2, AT, renewed=True)
    assert not list(seed_faults(replace(ridge(world), seed=seed, method=Method.REFIT)))
    assert list(seed_faults(replace(ridge(world), seed=seed)))
    assert list(seed_faults(replace(ridge(world), seed=replace(seed, renewed=False), method=Method.RETIRE)))
    assert list(seed_faults(replace(world.statement.copies[0], seed=replace(seed, renewed=False))))
