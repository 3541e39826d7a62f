"""Requests from a file: all or none, every fault at once, nobody twice."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expunge.domain.request import Law, Outcome, Request, State
from expunge.erasure import bulk, clock, decide, execute, intake, requests
from expunge.errors import DataError, InputError, NotFoundError
from expunge.workspace import journal
from expunge.workspace.folder import Workspace


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "requests.csv"


def every(workspace: Workspace) -> list[Request]:
    with workspace.vault.transaction() as connection:
        return requests.every(connection)


def size(workspace: Workspace) -> int:
    with workspace.vault.transaction() as connection:
        return journal.size(connection)


def test_a_file_becomes_requests_as_if_they_were_submitted_one_by_one(workspace: Workspace, file: Path) -> None:
    file.write_text("subject,law,received\n71001,gdpr,2026-11-02\n71014,CCPA,2026-11-03\n5,gdpr,2026-11-03\n")
    done = bulk.import_file(workspace, file)
    assert (done.entered, done.left_out, done.no_data, done.before) == (3, 0, 1, None)
    first, second, unknown = every(workspace)
    assert (first.law, first.state, first.received.date()) == (Law.GDPR, State.PLANNED, date(2026, 11, 2))
    assert (second.law, second.state) == (Law.CCPA, State.PLANNED)
    assert (unknown.state, unknown.outcome, unknown.ground) == (State.CLOSED, Outcome.REFUSED, "no-data")
    for request in (first, second, unknown):
        assert (workspace.letters / request.id / "receipt.txt").exists()
    with workspace.vault.transaction() as connection:
        planned = requests.plan(connection, first.id)
        entries = b"".join(journal.entries(connection))
        assert requests.identity(workspace, connection, first.id) == {"subject": "71001"}
        assert journal.verify(workspace, connection).covered == journal.size(connection)
    decide.refuse(workspace, first.id, "12(5)")
    alone = intake.submit(workspace, "71001", Law.GDPR)
    with workspace.vault.transaction() as connection:
        assert requests.plan(connection, alone.id) == planned
    assert b"71001" not in entries
    decide.approve(workspace, alone.id)
    assert execute.erase(workspace, [alone.id]).requests[0].outcome is Outcome.ERASED


def test_what_holds_for_all_rows_is_given_once(workspace: Workspace, file: Path) -> None:
    file.write_bytes("\ufeffSubject\r\n71001\r\n\r\n71014\r\n".encode())
    bulk.import_file(workspace, file, Law.CCPA, date(2026, 11, 2))
    assert {(one.law, one.received.date()) for one in every(workspace)} == {(Law.CCPA, date(2026, 11, 2))}


def test_all_faults_stand_in_one_error_and_nothing_is_entered(workspace: Workspace, file: Path) -> None:
    first = intake.submit(workspace, "71014", Law.GDPR)
    before = size(workspace)
    tomorrow = (clock.today() + timedelta(days=1)).isoformat()
    rows = [
        "71001,gdpr,2026-11-02",
        ",gdpr,2026-11-02",
        "71027,lgpd,2026-11-02",
        "71040,gdpr,2.11.2026",
        f"71053,gdpr,{tomorrow}",
        "71066,gdpr",
        "71001,GDPR,2026-11-03",
        "71014,gdpr,2026-11-03",
    ]
    file.write_text("subject,law,received\n" + "\n".join(rows))
    with pytest.raises(DataError) as error:
        bulk.import_file(workspace, file)
    found = {fault.row: str(fault) for fault in error.value.faults}
    assert found.keys() == {2, 3, 4, 5, 6, 7, 8}
    for row, said in ((2, "empty"), (3, "'lgpd'"), (4, "'2.11.2026'"), (5, "ahead"), (6, "2 cells"), (7, "row 1")):
        assert said in found[row]
    assert first.id in found[8]
    assert str(first.due) in found[8]
    assert every(workspace) == [first]
    assert size(workspace) == before
    assert len(list((workspace.keys / "requests").iterdir())) == 1


def test_repeats_are_left_out_where_that_is_asked_for(workspace: Workspace, file: Path) -> None:
    intake.submit(workspace, "71014", Law.GDPR)
    file.write_text("subject\n71001\n71001\n71014\n71027\n")
    done = bulk.import_file(workspace, file, Law.GDPR, skip_duplicates=True)
    assert (done.entered, done.left_out) == (2, 2)
    assert len(every(workspace)) == 3


@pytest.mark.parametrize(
    ("content", "law", "said"),
    [
        ("", Law.GDPR, "column 'subject': is missing"),
        ("patient\n71001\n", Law.GDPR, "'patient' is no column"),
        ("subject\n71001\n", None, "--law"),
        ("subject,law\n71001,gdpr\n", Law.GDPR, "--law is given too"),
        ("subject,subject\n1,2\n", Law.GDPR, "twice"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(
    workspace: Workspace, file: Path, content: str, law: Law | None, said: str
) -> None:
    file.write_text(content)
    with pytest.raises(DataError, match=said):
        bulk.import_file(workspace, file, law)


def test_a_file_that_is_none_is_refused(workspace: Workspace, file: Path) -> None:
    with pytest.raises(NotFoundError, match=r"requests\.csv"):
        bulk.import_file(workspace, file, Law.GDPR)
    file.write_bytes(b"subject\n\xff\n")
    with pytest.raises(InputError, match="not UTF-8, at byte 8"):
        bulk.import_file(workspace, file, Law.GDPR)
    file.write_text('subject\n"71001\n')
    with pytest.raises(InputError, match="no CSV"):
        bulk.import_file(workspace, file, Law.GDPR)
    assert every(workspace) == []


def test_the_same_file_again_enters_nobody_twice(workspace: Workspace, file: Path) -> None:
    """Not those who are open, and not those of whom nothing is held, who are closed already."""
    file.write_text("subject\n71001\n5\n6\n")
    bulk.import_file(workspace, file, Law.GDPR)
    before = every(workspace)
    again = bulk.import_file(workspace, file, Law.GDPR)
    assert (again.entered, again.requests) == (3, ())
    assert again.before is not None
    assert every(workspace) == before


def test_the_same_file_again_answers_what_it_answered(workspace: Workspace, file: Path) -> None:
    """Though all of its rows were left out: who is answered meanwhile must not be entered by a command given again."""
    request = intake.submit(workspace, "71001", Law.GDPR)
    file.write_text("subject\n71001\n71001\n")
    done = bulk.import_file(workspace, file, Law.GDPR, skip_duplicates=True)
    assert (done.entered, done.left_out, done.before) == (0, 2, None)
    decide.refuse(workspace, request.id, "17(3)(e)")
    again = bulk.import_file(workspace, file, Law.GDPR, skip_duplicates=True)
    assert (again.entered, again.left_out, again.requests) == (0, 2, ())
    assert again.before is not None
    assert [one.id for one in every(workspace)] == [request.id]


def test_rows_are_numbered_as_they_stand_in_the_file(workspace: Workspace, file: Path) -> None:
    file.write_text("\nsubject\n\n71001\n\n71001\n")
    with pytest.raises(DataError, match=r"row 4: is the person of row 2"):
        bulk.import_file(workspace, file, Law.GDPR)


def test_the_same_people_on_another_day_ask_anew(workspace: Workspace, file: Path) -> None:
    file.write_text("subject\n5\n6\n")
    for day in (2, 3):
        assert bulk.import_file(workspace, file, Law.GDPR, date(2026, 11, day)).before is None
    assert len(every(workspace)) == 4


def test_many_are_planned_in_several_transactions(
    workspace: Workspace, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than are flushed one by one, and more than go into one transaction."""
    monkeypatch.setattr("expunge.erasure.planning.AT_ONCE", 30)
    file.write_text("subject\n" + "".join(f"{71_001 + 13 * n}\n" for n in range(130)))
    done = bulk.import_file(workspace, file, Law.GDPR)
    assert (done.entered, done.no_data) == (130, 10)
    found = every(workspace)
    assert sum(one.state is State.PLANNED for one in found) == 120
    assert sum(one.ground == "no-data" and one.state is State.CLOSED for one in found) == 10
    assert len(list((workspace.keys / "requests").iterdir())) == 120
    for request in found:
        assert (workspace.letters / request.id / "receipt.txt").exists()
    with workspace.vault.transaction() as connection:
        entries = [json.loads(entry) for entry in journal.entries(connection)]
        assert journal.verify(workspace, connection).covered == journal.size(connection)
    for move, times in (("received", 130), ("identified", 130), ("planned", 130), ("closed", 10)):
        assert sum(entry["event"] == f"request {move}" for entry in entries) == times


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(list(Law))), max_size=12))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_files_overlap_nobody_has_two_open_requests(
    workspace: Workspace, file: Path, rows: list[tuple[int, Law]]
) -> None:
    file.write_text("subject,law\n" + "".join(f"{71_001 + 13 * who},{law}\n" for who, law in rows))
    done = bulk.import_file(workspace, file, skip_duplicates=True)
    assert done.before or done.entered + done.left_out == len(rows)
    with workspace.vault.transaction() as connection:
        open_ones = [one for one in requests.every(connection) if one.outcome is Outcome.OPEN]
        people = [(one.law, requests.identity(workspace, connection, one.id)["subject"]) for one in open_ones]
    assert len(people) == len(set(people))
    assert {(law, str(71_001 + 13 * who)) for who, law in rows} <= set(people)
