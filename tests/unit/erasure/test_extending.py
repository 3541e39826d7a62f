"""More time: once, inside the first period, with a reason that is told and names nobody."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from expunge.domain.request import Law, Request
from expunge.erasure import clock, decide, extending, intake, requests
from expunge.errors import IllegalMoveError, InputError
from expunge.workspace.folder import Workspace

REASON = "Forty requests came in at once."


def loaded(workspace: Workspace, request: str) -> Request:
    with workspace.vault.transaction() as connection:
        return requests.load(connection, request)


@pytest.mark.parametrize(("law", "article"), [(Law.GDPR, "Art. 12(3)"), (Law.CCPA, "1798.130")])
def test_the_time_is_extended_and_the_letter_says_why_and_until_when(
    workspace: Workspace, law: Law, article: str
) -> None:
    request = intake.submit(workspace, "71001", law)
    extended = extending.extend(workspace, request.id, f"  {REASON} ")
    assert extended.extension is not None
    assert (extended.due, extended.extension.reason) == (extended.extension.until, REASON)
    assert extended.due == clock.extended(workspace, request) > request.due
    assert extended.state is request.state
    assert loaded(workspace, request.id) == extended
    text = (workspace.letters / request.id / "extension.txt").read_text()
    for said in (REASON, extended.due.isoformat(), article, "second"):
        assert said in text


def test_there_is_no_second_extension(workspace: Workspace) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    extended = extending.extend(workspace, request.id, REASON)
    with pytest.raises(IllegalMoveError, match="already"):
        extending.extend(workspace, request.id, "Another reason.")
    assert loaded(workspace, request.id) == extended


@pytest.mark.parametrize(("law", "days"), [(Law.GDPR, 40), (Law.CCPA, 50)])
def test_after_the_first_period_it_is_too_late(workspace: Workspace, law: Law, days: int) -> None:
    request = intake.submit(workspace, "71001", law, datetime.now().astimezone() - timedelta(days=days))
    with pytest.raises(IllegalMoveError, match="too late"):
        extending.extend(workspace, request.id, REASON)
    assert not (workspace.letters / request.id / "extension.txt").exists()


def test_on_the_last_day_of_the_first_period_it_is_not_too_late(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    last: date = request.due
    monkeypatch.setattr(clock, "today", lambda: last)
    assert extending.extend(workspace, request.id, REASON).extension is not None


def test_what_is_over_is_not_extended(workspace: Workspace) -> None:
    request = decide.refuse(workspace, intake.submit(workspace, "71001", Law.GDPR).id, "12(5)")
    with pytest.raises(IllegalMoveError, match="over: refused"):
        extending.extend(workspace, request.id, REASON)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\x00b", "Person 71001 wrote three times.", "71001"])
def test_a_reason_is_one_line_that_names_nobody(workspace: Workspace, reason: str) -> None:
    request = intake.submit(workspace, "71001", Law.GDPR)
    with pytest.raises(InputError):
        extending.extend(workspace, request.id, reason)
    assert loaded(workspace, request.id) == request
