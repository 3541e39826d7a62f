"""What a person asked for becomes a request that can be approved, or is refused because there is nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest
from sqlalchemy import select

from expunge.domain.request import Law, Outcome, State
from expunge.domain.subject import SubjectId
from expunge.erasure import decide, intake, requests, scope
from expunge.errors import DuplicateRequestError, InputError, KeyDestroyedError, NotFoundError
from expunge.vault.database import REQUEST
from expunge.workspace import journal
from expunge.workspace.folder import Workspace, open_workspace


def test_a_known_person_is_planned(workspace: Workspace) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR, datetime(2026, 10, 5, 9, tzinfo=UTC))
    assert (request.state, request.outcome, request.due.isoformat()) == (State.PLANNED, Outcome.OPEN, "2026-11-05")
    assert request.policy == workspace.policy.version
    with workspace.vault.transaction() as connection:
        assert requests.load(connection, request.id) == request
        plan = requests.plan(connection, request.id)
        assert requests.identity(workspace, connection, request.id) == {"subject": "71001"}
    methods = {copy["name"]: copy["method"] for copy in plan["copies"]}
    assert methods["visits"] == "rows deleted"
    assert methods.keys() == {"visits", "ridge", "additive"}


@pytest.mark.parametrize("unknown", ["71002", "A17", "-5", "99999999999999999999", "\uff17\uff11\uff10\uff10\uff11"])
def test_an_unknown_person_is_accepted_then_refused_for_want_of_data(workspace: Workspace, unknown: str) -> None:
    request = intake.submit(workspace, unknown, Law.CCPA)
    assert (request.state, request.outcome, request.ground) == (State.CLOSED, Outcome.REFUSED, "no-data")
    assert "1798.105(c)" in (workspace.letters / request.id / "refusal.txt").read_text()
    with workspace.vault.transaction() as connection:
        log = b"".join(journal.entries(connection)).decode()
        with pytest.raises(KeyDestroyedError):
            requests.identity(workspace, connection, request.id)
    for move in ("received", "identified", "planned", "refused", "notified", "closed"):
        assert f'"event":"request {move}"' in log


@pytest.mark.parametrize("subject", ["", "  ", "\t"])
def test_an_empty_id_is_refused_and_nothing_stored(workspace: Workspace, subject: str) -> None:
    with pytest.raises(InputError, match="--subject"):
        intake.submit(workspace, subject, Law.GDPR)
    with workspace.vault.transaction() as connection:
        assert requests.every(connection) == []


def test_a_request_from_tomorrow_is_refused(workspace: Workspace) -> None:
    with pytest.raises(InputError, match="lies ahead"):
        intake.submit(workspace, "71001", Law.GDPR, datetime.now(UTC) + timedelta(hours=1))


def test_the_clock_runs_from_the_instant_wherever_it_was(workspace: Workspace) -> None:
    tokyo = datetime(2026, 10, 5, 8, tzinfo=timezone(timedelta(hours=9)))
    request = intake.submit(workspace, "71001", Law.GDPR, tokyo)
    assert request.received == datetime(2026, 10, 4, 23, tzinfo=UTC)


def test_the_request_and_the_log_name_nobody(workspace: Workspace) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    with workspace.vault.transaction() as connection:
        row = connection.execute(select(REQUEST)).one()
        entries = b"".join(journal.entries(connection))
    assert "71001" not in str(row)
    assert b"71001" not in entries
    assert request.id.encode() in entries


@pytest.mark.parametrize("cut_at", [State.RECEIVED, State.IDENTIFIED, State.PLANNED])
def test_an_intake_that_was_cut_short_goes_on(
    workspace: Workspace, cut_at: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = requests.move_all

    def killed(*arguments: object, **changes: object) -> object:
        if any(request.state is cut_at for request in arguments[2]):  # type: ignore[attr-defined]
            raise RuntimeError("killed")
        return real(*arguments, **changes)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):  # noqa: PT012  # cut short in the middle
        patch.setattr(requests, "move_all", killed)
        intake.submit(workspace, "71002", Law.GDPR)
    with workspace.vault.transaction() as connection:
        (request,) = requests.every(connection)
    assert request.state is cut_at
    assert intake.advance(workspace, request).ground == "no-data"


def test_two_requests_of_one_person_are_two_requests(workspace: Workspace) -> None:
    one, other = (intake.submit(workspace, "71001", law) for law in Law)
    assert one.id != other.id
    with workspace.vault.transaction() as connection:
        assert [request.id for request in requests.every(connection)] == [one.id, other.id]
        found = [scope.holdings(workspace, connection, request) for request in (one, other)]
    assert found[0] == found[1]
    assert {subject for _, subject in found[0].values()} == {71001}


def test_a_typed_id_is_read_by_the_kind_of_each_dataset(make: Callable[..., Workspace], people: pd.DataFrame) -> None:
    texts = make(people.assign(patient="P" + people["patient"].astype(str)), [], confirm=True)
    with texts.vault.transaction() as connection:
        assert scope.ids_meant(texts, connection, "P71001") == {"P71001"}
        assert scope.ids_meant(texts, connection, "71001") == {"71001"}
    numbers: set[SubjectId] = {71001}
    integers = make(people, [], confirm=True)
    with integers.vault.transaction() as connection:
        assert scope.ids_meant(integers, connection, "71001") == numbers
        assert scope.ids_meant(integers, connection, "P71001") == set()


def test_an_unknown_request_is_not_found(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection, pytest.raises(NotFoundError, match="'R-none'"):
        requests.load(connection, "R-none")


@pytest.mark.parametrize("again", ["71001", " 71001 "])
def test_who_has_an_open_request_is_told_of_it_and_nothing_is_entered(workspace: Workspace, again: str) -> None:
    first = intake.submit(workspace, "71001", Law.GDPR)
    with pytest.raises(DuplicateRequestError, match=f"{first.id}.*due {first.due}"):
        intake.submit(workspace, again, Law.GDPR)
    with workspace.vault.transaction() as connection:
        assert requests.every(connection) == [first]
        last = json.loads(journal.entries(connection)[-1])
    assert (last["event"], last["request"]) == ("request repeated", first.id)
    assert first.id in (workspace.letters / first.id / "duplicate.txt").read_text()
    assert len(list((workspace.keys / "requests").iterdir())) == 1


def test_the_same_id_in_another_normal_form_is_the_same_person(
    make: Callable[..., Workspace], people: pd.DataFrame
) -> None:
    workspace = make(people.assign(patient="é" + people["patient"].astype(str)), [], confirm=True)
    intake.submit(workspace, "\u00e971001", Law.GDPR)
    with pytest.raises(DuplicateRequestError):
        intake.submit(workspace, "e\u030171001", Law.GDPR)


def test_other_people_other_laws_and_those_who_were_answered_may_ask(workspace: Workspace) -> None:
    first = intake.submit(workspace, "71001", Law.GDPR)
    intake.submit(workspace, "71001", Law.CCPA)
    intake.submit(workspace, "71014", Law.GDPR)
    decide.refuse(workspace, first.id, "12(5)")
    assert intake.submit(workspace, "71001", Law.GDPR).state is State.PLANNED


def test_the_hash_that_finds_a_repeat_goes_with_the_identity(workspace: Workspace) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    with workspace.vault.transaction() as connection:
        (row,) = connection.execute(select(REQUEST)).all()
    assert row.tag == requests.tag(workspace, "71001")
    decide.refuse(workspace, request.id, "12(5)")
    with workspace.vault.transaction() as connection:
        (row,) = connection.execute(select(REQUEST)).all()
    assert (row.tag, row.identity) == (None, None)


@pytest.mark.parametrize("law", Law)
def test_receipt_is_confirmed_in_a_letter(workspace: Workspace, law: Law) -> None:
    request = intake.submit(workspace, "71001", law)
    text = (workspace.letters / request.id / "receipt.txt").read_text()
    assert request.due.isoformat() in text
    assert "71001" not in text


def test_public_holidays_of_the_policy_move_the_end_of_a_period(workspace: Workspace) -> None:
    (workspace.folder / "policy.json").write_bytes(replace(workspace.policy, calendar="DE").to_json())
    german = open_workspace(workspace.folder)
    asked = datetime(2026, 3, 3, 9, tzinfo=UTC)  # a month later it is Good Friday, and then Easter
    assert intake.submit(workspace, "71001", Law.GDPR, asked).due.isoformat() == "2026-04-03"
    assert intake.submit(german, "71014", Law.GDPR, asked).due.isoformat() == "2026-04-07"
