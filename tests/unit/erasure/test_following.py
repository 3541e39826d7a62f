"""What was retained until a day goes on then by itself, and asking again meanwhile is asking for something new."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from expunge.datasets import checked, declare, read_frame
from expunge.domain.request import Law, Outcome, Request, State
from expunge.erasure import bulk, clock, decide, due, execute, holding, intake, requests, restored, withdrawing
from expunge.errors import DuplicateRequestError
from expunge.workspace import data, register, suppression
from expunge.workspace.folder import Workspace

PERSON = 71_001
RECORDS, PROCESSING = "17(3)(b)", "17(3)(d)"
SOON = clock.today() + timedelta(days=400)
LATER = SOON + timedelta(days=400)


def in_dataset(workspace: Workspace, name: str) -> set[int | str]:
    with workspace.vault.transaction() as connection:
        return set(data.load(workspace, connection, data.by_name(connection, name).id).subject_ids())


def partly(workspace: Workspace, until: date | None = SOON, ground: str = RECORDS) -> Request:
    """Somebody's request that is refused for "accounts", and approved."""
    request = intake.submit(workspace, str(PERSON), Law.GDPR)
    decide.refuse_for(workspace, request.id, ground, "accounts", until)
    return decide.approve(workspace, request.id)


def every(workspace: Workspace) -> list[Request]:
    with workspace.vault.transaction() as connection:
        return requests.every(connection)


def waiting(workspace: Workspace) -> Request:
    """The one request that waits to follow an answer."""
    (rest,) = [one for one in every(workspace) if one.waits_to_follow]
    return rest


def learned(workspace: Workspace) -> set[int | str]:
    """Everybody from whom the model "ridge" learned."""
    with workspace.vault.transaction() as connection:
        version = register.current(connection, register.by_name(connection, "ridge").id)
        return set(register.open_learner(workspace, connection, version).subjects_held())


def test_what_was_kept_until_a_day_goes_on_by_a_request_of_its_own(two: Workspace) -> None:
    request = partly(two)
    execute.erase(two, [request.id])
    with two.vault.transaction() as connection:
        (rest,) = [one for one in requests.every(connection) if one.id != request.id]
        assert requests.identity(two, connection, rest.id)["subject"] == str(PERSON)
    assert rest.state is State.HELD
    assert rest.hold is not None
    assert (rest.hold.until, rest.hold.follows, rest.hold.ground) == (SOON, request.id, RECORDS)
    assert rest.due > SOON


def test_receipt_of_what_follows_need_not_be_confirmed(two: Workspace) -> None:
    request = intake.submit(two, str(PERSON), Law.CCPA)
    decide.refuse_for(two, request.id, "1798.105(d)(8)", "accounts", SOON)
    execute.erase(two, [decide.approve(two, request.id).id])
    (line,) = due.overview(two)
    assert (line.request, line.confirm_by) == (waiting(two), None)


def test_whoever_is_held_again_on_another_ground_is_told(two: Workspace) -> None:
    execute.erase(two, [partly(two).id])
    with two.vault.transaction() as connection:
        (rest,) = [one for one in requests.every(connection) if one.state is State.HELD]
    assert not (two.letters / rest.id / "hold.txt").exists(), "the letter about what was erased says it"
    holding.resume(two, rest.id)
    held = holding.hold(two, rest.id, "17(3)(e)", until=SOON)
    assert held.hold is not None
    assert held.hold.follows is None
    assert (two.letters / rest.id / "hold.txt").is_file()


def test_what_is_kept_for_longer_is_not_reached_by_the_request_that_follows(
    two: Workspace, people: pd.DataFrame
) -> None:
    for name in ("claims", "research"):
        raw = read_frame(people)
        data.add(two, name, checked(raw, declare(raw.names, subject="patient", target="sick")))
    request = intake.submit(two, str(PERSON), Law.GDPR)
    for name, until in (("accounts", SOON), ("claims", LATER), ("research", None)):
        decide.refuse_for(two, request.id, RECORDS, name, until)
    execute.erase(two, [decide.approve(two, request.id).id])
    with two.vault.transaction() as connection:
        (rest,) = [one for one in requests.every(connection) if one.id != request.id]
        names = {dataset: name for dataset, name, _ in data.versions(connection)}
    assert rest.hold is not None
    assert rest.hold.until == SOON
    assert {names[one.dataset]: one.until for one in rest.refusals} == {"claims": LATER, "research": None}

    resumed = holding.resume(two, rest.id)
    execute.erase(two, [decide.approve(two, resumed.id).id])
    kept = [name for name in ("visits", "accounts", "claims", "research") if PERSON in in_dataset(two, name)]
    assert kept == ["claims", "research"]
    with two.vault.transaction() as connection:
        (last,) = [one for one in requests.every(connection) if one.id not in {request.id, rest.id}]
    assert last.hold is not None
    assert last.hold.until == LATER
    assert [names[one.dataset] for one in last.refusals] == ["research"]


def returned(workspace: Workspace, people: pd.DataFrame) -> None:
    """Somebody who was erased is a patient again, in a dataset of today."""
    suppression.release(workspace, str(PERSON), "is a patient again")
    raw = read_frame(people)
    data.add(workspace, "claims", checked(raw, declare(raw.names, subject="patient", target="sick")))


def test_who_asks_again_meanwhile_is_heard_and_what_is_retained_stays(two: Workspace, people: pd.DataFrame) -> None:
    first = partly(two)
    execute.erase(two, [first.id])
    rest = waiting(two)
    returned(two, people)
    again = intake.submit(two, str(PERSON), Law.GDPR)
    assert (again.state, again.refusals) == (State.PLANNED, first.refusals)
    with pytest.raises(DuplicateRequestError, match=again.id):
        intake.submit(two, str(PERSON), Law.GDPR)
    (done,) = execute.erase(two, [decide.approve(two, again.id).id]).requests
    assert done.outcome is Outcome.PARTLY_ERASED
    assert PERSON in in_dataset(two, "accounts")
    assert PERSON not in in_dataset(two, "claims")
    following = waiting(two)
    assert following.id == rest.id, "one request follows both answers"
    assert following.hold is not None
    assert (following.hold.until, following.hold.follows) == (SOON, again.id)


def test_the_newer_answer_counts_for_what_follows(two: Workspace, people: pd.DataFrame) -> None:
    execute.erase(two, [partly(two).id])
    rest = waiting(two)
    returned(two, people)
    longer = partly(two, LATER)
    execute.erase(two, [longer.id])
    following = waiting(two)
    assert following.hold is not None
    assert (following.id, following.hold.until, following.refusals) == (rest.id, LATER, ())
    assert following.due == clock.due_from(two, Law.GDPR, LATER)


def test_whoever_withdraws_the_newer_request_keeps_the_older_answer(two: Workspace, people: pd.DataFrame) -> None:
    execute.erase(two, [partly(two).id])
    rest = waiting(two)
    returned(two, people)
    withdrawing.withdraw(two, intake.submit(two, str(PERSON), Law.GDPR).id)
    assert waiting(two) == rest


def test_who_asks_again_for_nothing_but_what_is_retained_is_told_why_it_is_kept(two: Workspace) -> None:
    execute.erase(two, [partly(two).id])
    again = intake.submit(two, str(PERSON), Law.GDPR)
    assert (again.state, again.outcome, again.ground) == (State.CLOSED, Outcome.REFUSED, RECORDS)
    letter = (two.letters / again.id / "refusal.txt").read_text()
    assert "Data set accounts: " in letter
    assert f"We keep it until {SOON}. Then we go on with your request. You need not ask again." in letter
    following = waiting(two)
    assert following.hold is not None
    assert (following.hold.until, following.hold.follows) == (SOON, again.id)


def test_a_file_of_requests_hears_who_waits_too(two: Workspace, tmp_path: Path) -> None:
    execute.erase(two, [partly(two).id])
    file = tmp_path / "requests.csv"
    file.write_text(f"subject\n{PERSON}\n")
    assert bulk.import_file(two, file, Law.GDPR).entered == 1


def test_who_waits_and_is_back_after_a_restore_is_asked_for(two: Workspace) -> None:
    execute.erase(two, [partly(two).id])
    back = restored.Back("M-1", "model", "ridge", frozenset({PERSON}))
    assert len(restored.submit(two, [back], Law.GDPR)) == 1


def test_what_is_retained_whole_until_a_day_is_refused_and_goes_on_then(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = intake.submit(workspace, str(PERSON), Law.GDPR)
    refused = decide.refuse_for(workspace, request.id, RECORDS, "visits", SOON)
    assert refused.state is State.PLANNED, "the models that learned from the records forget"
    own = min(in_dataset(workspace, "visits") - learned(workspace))
    request = intake.submit(workspace, str(own), Law.GDPR)
    refused = decide.refuse_for(workspace, request.id, RECORDS, "visits", SOON)
    assert (refused.state, refused.outcome, refused.ground) == (State.CLOSED, Outcome.REFUSED, RECORDS)
    rest = waiting(workspace)
    monkeypatch.setattr(clock, "today", lambda: SOON)
    assert {line.request.id: line.request.state for line in due.overview(workspace)}[rest.id] is State.PLANNED
    execute.erase(workspace, [decide.approve(workspace, rest.id).id])
    assert own not in in_dataset(workspace, "visits")


def test_what_follows_goes_on_to_the_next_end_where_nothing_ends_yet(
    two: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ground ends, but what it kept is gone since: the second is answered, and followed in its turn."""
    request = intake.submit(two, str(PERSON), Law.GDPR)
    decide.refuse_for(two, request.id, PROCESSING, "visits", SOON)
    refused = decide.refuse_for(two, request.id, PROCESSING, "accounts", LATER)
    assert (refused.state, refused.outcome) == (State.CLOSED, Outcome.REFUSED)
    rest = waiting(two)
    monkeypatch.setattr(clock, "today", lambda: SOON)
    assert [line.request.id for line in due.overview(two)] == [rest.id]
    execute.erase(two, [decide.approve(two, rest.id).id])
    assert PERSON not in in_dataset(two, "visits")
    assert PERSON in in_dataset(two, "accounts")
    last = waiting(two)
    assert last.hold is not None
    assert (last.hold.until, last.refusals) == (LATER, ())


def test_a_refusal_of_everything_is_not_followed(two: Workspace) -> None:
    request = intake.submit(two, str(PERSON), Law.GDPR)
    decide.refuse_for(two, request.id, RECORDS, "accounts", SOON)
    refused = decide.refuse(two, request.id, PROCESSING)
    assert (refused.outcome, refused.refusals) == (Outcome.REFUSED, ())
    assert not any(one.waits_to_follow for one in every(two))
