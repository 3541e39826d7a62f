"""The words never say more than the certificate does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.certificates import CHECKS
from expunge.domain.certificate import (
    BY_CONSTRUCTION,
    Fate,
    Guard,
    Learned,
    Release,
    RequestLine,
    Retained,
    Rule,
    Seconds,
    Seed,
)
from expunge.domain.guarantee import Certified, Empirical, Exact
from expunge.domain.report import Check, Verdict
from expunge.reporting import words

GUARANTEES = st.sampled_from(
    [Exact("portable"), Exact("environment"), Certified(1.0, 1e-5, 0.25), Empirical("AUC .52")]
)
REPLAYS = st.sampled_from([None, *Verdict])


def as_replayed(verdict: Verdict | None) -> tuple[Check, ...]:
    return () if verdict is None else (Check("replay", verdict, "Said so."),)


@given(GUARANTEES, REPLAYS)
def test_only_a_passed_replay_says_yes(make: SimpleNamespace, guarantee: Any, verdict: Verdict | None) -> None:
    copy = make.model(checks=as_replayed(verdict), guarantee=guarantee)
    assert words.equal_to_refit(copy).startswith("yes") == (verdict is Verdict.PASSED)


@given(st.sampled_from(["portable", "environment"]), REPLAYS)
def test_exact_without_a_passed_replay_reads_by_construction(
    make: SimpleNamespace, scope: Any, verdict: Verdict | None
) -> None:
    said = words.guarantee(make.model(checks=as_replayed(verdict), guarantee=Exact(scope)))
    assert (BY_CONSTRUCTION in said) == (verdict is not Verdict.PASSED)
    assert said.endswith(", replayed") == (verdict is Verdict.PASSED)


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict.FAILED, "NO"),
        (Verdict.NOT_COMPARABLE, "not comparable in the environment of the replay"),
        (Verdict.NOT_RUN, BY_CONSTRUCTION),
        (None, BY_CONSTRUCTION),
    ],
)
def test_every_verdict_of_a_replay_has_words(make: SimpleNamespace, verdict: Verdict | None, said: str) -> None:
    assert words.equal_to_refit(make.model(checks=as_replayed(verdict))) == said


def test_a_certified_model_that_was_not_replayed_says_so(make: SimpleNamespace) -> None:
    assert words.equal_to_refit(make.certified()) == "not replayed"
    assert words.method(make.certified()) == "forgotten up to the bound below"
    assert "0.25 of the budget" in words.guarantee(make.certified())


@given(REPLAYS)
def test_an_empirical_model_is_never_forgotten_or_erased(make: SimpleNamespace, verdict: Verdict | None) -> None:
    copy = make.model(checks=as_replayed(verdict), guarantee=Empirical("AUC .52"), guarantee_in_words="reduced")
    said = " ".join(text for _, text in words.facts(copy))
    assert "influence reduced" in said
    assert not any(word in said for word in ("erased", "forgotten", BY_CONSTRUCTION))


def test_a_check_that_is_not_named_reads_not_run(make: SimpleNamespace) -> None:
    assert [(row.name, row.verdict) for row in words.checks(make.model(checks=()))] == [
        ("replay", "NOT RUN"),
        ("utility", "NOT RUN"),
    ]
    (row,) = words.workspace_checks(make.make_statement(checks=()))
    assert (row.name, row.verdict, row.mark) == ("remanence", "NOT RUN", "not-run")


@pytest.mark.parametrize("kind", ["dataset", "retired"])
def test_what_has_no_model_left_needs_no_replay(kind: str, make: SimpleNamespace) -> None:
    copy = getattr(make, kind)()
    assert words.checks(copy) == ()
    assert words.equal_to_refit(copy).startswith("does not apply")
    assert words.guarantee(copy).startswith("does not apply")


@given(st.lists(st.sampled_from(list(Verdict)), max_size=6))
def test_the_tally_counts_every_verdict(make: SimpleNamespace, verdicts: list[Verdict]) -> None:
    checks = tuple(Check(f"check {number}", verdict, "") for number, verdict in enumerate(verdicts))
    statement = make.make_statement(make.dataset(), checks=checks)
    counts = {verdict: int(count) for count, verdict in (part.split(" ", 1) for part in _tally(statement))}
    assert counts.pop("NOT RUN") == verdicts.count(Verdict.NOT_RUN) + 1  # remanence, which is not named
    assert counts.get("NOT COMPARABLE", 0) == verdicts.count(Verdict.NOT_COMPARABLE)
    assert (counts["PASSED"], counts["FAILED"]) == (verdicts.count(Verdict.PASSED), verdicts.count(Verdict.FAILED))


def _tally(statement: Any) -> list[str]:
    return words.tally(statement).split(", ")


def test_a_check_of_the_certificate_that_was_not_made_is_no_pass() -> None:
    rows = words.verification(CHECKS, CHECKS[:3])
    assert [row.verdict for row in rows] == ["PASSED"] * 3 + ["NOT RUN"] * (len(CHECKS) - 3)
    assert all(row.detail for row in rows), "every check of a certificate says what it shows"


@pytest.mark.parametrize(
    ("kind", "said"), [("model", "1 → 2"), ("untouched", "1, unchanged"), ("retired", "1 → none (retired)")]
)
def test_versions(kind: str, said: str, make: SimpleNamespace) -> None:
    assert words.version(getattr(make, kind)()) == said


def test_people_who_left_and_who_remain(make: SimpleNamespace) -> None:
    assert words.people(make.model(members=make.members(left=24, of=5912))) == "24 of 5,912 removed, 5,888 remain"
    assert words.people(make.untouched()) == "none of these people was among its 500"


def test_an_equal_learned_state_is_explained(make: SimpleNamespace) -> None:
    same = Learned(make.HEX, make.HEX, equal=True)
    assert words.learned_state(make.model()) == "changed"
    assert words.learned_state(make.untouched()) == "the same as before"
    assert "the replay shows" in words.learned_state(make.model(learned=same))
    assert "only a replay would show" in words.learned_state(make.by_construction(learned=same))
    assert words.learned_state(make.dataset()) == ""


def test_requests_stand_under_their_law_in_full(make: SimpleNamespace) -> None:
    gdpr, ccpa = words.requests(make.make_statement())
    assert gdpr.law == "Regulation (EU) 2016/679 (GDPR), Art. 17(1)"
    assert [row[0] for row in gdpr.rows] == ["R-1", "R-3"]
    assert ccpa.law.endswith("Cal. Civ. Code 1798.105")
    assert ccpa.rows == (("R-2", "2026-10-21", "2026-12-05", "erased"),)


def test_erased_names_its_exceptions(make: SimpleNamespace) -> None:
    kept = (Retained("D-2", "Accounts.", "GDPR 17(3)(b)"),)
    line = (RequestLine("R-1", "GDPR", "2026-10-20", "2026-11-20", "erased"),)
    statement = make.make_statement(make.empirical(), retained=kept, requests=line)
    assert words.requests(statement)[0].rows[0][3] == (
        "erased, except: models marked “influence reduced”; what was retained"
    )


@pytest.mark.parametrize("outcome", ["refused", "withdrawn"])
def test_other_outcomes_stand_as_they_are(outcome: str, make: SimpleNamespace) -> None:
    line = (RequestLine("R-1", "GDPR", "2026-10-20", "2026-11-20", outcome),)
    assert words.requests(make.make_statement(make.empirical(), requests=line))[0].rows[0][3] == outcome


def test_time_is_measured_or_marked_estimated(make: SimpleNamespace) -> None:
    assert words.time_taken(make.model()) == "2.7 ms; a full retrain 21.8 ms (measured by the replay)"
    assert words.time_taken(make.certified()).endswith("1.25 s (estimated)")
    assert words.time_taken(make.retired()) == "1 ms; a full retrain was not measured"
    for impossible in ("1e999", "-1"):
        assert words.time_taken(make.model(seconds=Seconds(impossible, None))).startswith("not measured")
    assert words.time_taken(make.dataset()) == words.time_taken(make.untouched()) == ""


@pytest.mark.parametrize("text", [None, "", "AUC", "nan", "inf", "1e999", "-1e10"])
def test_what_is_no_figure_is_not_drawn(text: str | None) -> None:
    assert words.number(text) is None


def test_seed_guard_and_release_are_said_where_the_certificate_says_them(make: SimpleNamespace) -> None:
    plain = make.model()
    assert (words.seed(plain), words.guard(plain), words.release(make.make_statement(plain))) == ("", "", "")
    at = "2026-11-02T09:00:00Z"
    copy = make.model(seed=Seed(2, at, renewed=True), guard=Guard("0.05", "0.060", Fate.ACCEPTED, "A-1", at))
    facts = dict(words.facts(copy))
    assert facts["Seed"] == "number 2, renewed in this batch by a full retrain, in use since 2026-11-02 09:00:00 UTC"
    assert facts["Utility guard"] == (
        "the score on held-out people may fall by 0.05, it fell by 0.060: accepted by A-1, on 2026-11-02 09:00:00 UTC"
    )
    unmeasured = make.model(guard=Guard("0.05", None, Fate.UNMEASURED, None, None))
    assert words.guard(unmeasured).startswith("NOT RUN")
    said = words.release(make.make_statement(copy, release=Release(5, 14, 3, 2, Rule.DEADLINE)))
    assert "at least 5 people leave a model together" in said
    assert said.endswith("2 did: the deadline comes first.")
    nobody = words.release(make.make_statement(copy, release=Release(5, 14, 3, 0, Rule.NO_MODEL)))
    assert nobody.endswith("Nobody left a model in this batch.")
