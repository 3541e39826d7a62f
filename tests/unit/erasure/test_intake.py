"""What a person asked for becomes a request that can be approved, or is refused because there is nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pandas as pd
import pytest
from sqlalchemy import select

from expunge.domain.request import Law, Outcome, State
from expunge.domain.subject import SubjectId
from expunge.erasure import intake, requests, scope
from expunge.errors import InputError, KeyDestroyedError, NotFoundError
from expunge.vault.database import REQUEST
from expunge.workspace import journal
from expunge.workspace.folder import Workspace


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
    real = requests.move

    def killed(*arguments: object, **changes: object) -> object:
        if arguments[2].state is cut_at:  # type: ignore[attr-defined]
            raise RuntimeError("killed")
        return real(*arguments, **changes)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):  # noqa: PT012  # cut short in the middle
        patch.setattr(requests, "move", killed)
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
