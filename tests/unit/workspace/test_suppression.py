"""Imports are screened by the ledger: whoever was erased is refused or left out, and never stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import func, select

from expunge.access.policy import Policy
from expunge.datasets import Table, checked, declare, read_frame, refreshed
from expunge.errors import (
    CorruptedError,
    InputError,
    KeyDestroyedError,
    NotFoundError,
    PolicyError,
    SubjectIdError,
    SuppressedError,
    WorkspaceBusyError,
)
from expunge.vault import ledger
from expunge.vault.database import RECORD, REQUEST, SUPPRESSED
from expunge.workspace import data, journal, suppression
from expunge.workspace.folder import Workspace, open_workspace

FIRST, SECOND = 71_001, 71_014
PAST = "2001-01-01T00:00:00Z"


def table_of(frame: pd.DataFrame) -> Table:
    raw = read_frame(frame)
    return checked(raw, declare(raw.names, subject="patient", target="sick"))


def suppress(workspace: Workspace, *people: str, until: str | None = None) -> None:
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        ledger.suppress(workspace.vault, connection, {one: {} for one in people}, "B-1", until)


def under(workspace: Workspace, **settings: Any) -> Workspace:
    return replace(workspace, policy=replace(workspace.policy, **settings))


def log(workspace: Workspace) -> list[dict[str, Any]]:
    with workspace.vault.transaction() as connection:
        return [json.loads(entry) for entry in journal.entries(connection)]


def stored(workspace: Workspace) -> tuple[Any, ...]:
    with workspace.vault.transaction() as connection:
        rows = connection.execute(select(func.count()).select_from(RECORD)).scalar()
    files = sorted(path.name for path in workspace.vault.segments.iterdir())
    return rows, files, data.names(workspace)


@pytest.fixture
def bystanders(people: pd.DataFrame) -> pd.DataFrame:
    """Everybody but the two who are suppressed below."""
    return people[~people["patient"].isin([FIRST, SECOND])]


def test_an_import_with_erased_people_is_refused_and_counts_them(workspace: Workspace, people: pd.DataFrame) -> None:
    suppress(workspace, str(FIRST), str(SECOND), "999")
    before = stored(workspace)
    with pytest.raises(SuppressedError, match="2 of the 120 people") as refused:
        data.add(workspace, "again", table_of(people))
    assert refused.value.people == 2
    assert not any(str(one) in str(refused.value) for one in (FIRST, SECOND))
    assert stored(workspace) == before


def test_a_refused_import_stands_in_the_signed_log(workspace: Workspace, people: pd.DataFrame) -> None:
    suppress(workspace, str(FIRST))
    with pytest.raises(SuppressedError):
        data.add(workspace, "again", table_of(people))
    assert (log(workspace)[-1]["event"], log(workspace)[-1]["suppressed"]) == ("import refused", 1)
    with workspace.vault.transaction() as connection:
        found = journal.verify(workspace, connection)
    assert found.covered == found.entries


@pytest.mark.parametrize("spelled", [lambda one: f"{one}", lambda one: f" {one} "])
def test_a_number_that_comes_back_as_text_is_stopped(
    workspace: Workspace, people: pd.DataFrame, spelled: Callable[[int], str]
) -> None:
    suppress(workspace, str(FIRST))
    texts = people.assign(patient=[spelled(one) if one == FIRST else f"P{one}" for one in people["patient"]])
    with pytest.raises(SuppressedError, match="1 of"):
        data.add(workspace, "texts", table_of(texts))


def test_nobody_else_is_stopped(workspace: Workspace, bystanders: pd.DataFrame) -> None:
    suppress(workspace, str(FIRST), str(SECOND))
    assert data.add(workspace, "others", table_of(bystanders)).set_aside == 0
    assert log(workspace)[-1]["set_aside"] == 0


def test_quarantine_takes_the_others_in_and_stores_nothing_of_the_erased(
    workspace: Workspace, people: pd.DataFrame, bystanders: pd.DataFrame
) -> None:
    suppress(workspace, str(FIRST), str(SECOND))
    made = data.add(under(workspace, on_suppressed="quarantine"), "again", table_of(people))
    assert made.set_aside == 2
    assert made.to_dict()["set_aside"] == 2
    assert data.show(workspace, "again").set_aside == 2
    assert (made.subjects, made.records) == (bystanders["patient"].nunique(), len(bystanders))
    assert log(workspace)[-1]["set_aside"] == 2
    with workspace.vault.transaction() as connection:
        back = data.load(workspace, connection, made.id)
    assert {FIRST, SECOND}.isdisjoint(back.subjects.tolist())
    # The first person owns the extremes of `amount` and is alone in a ward: what is inferred knows neither.
    assert back.schema == data.with_its_task(refreshed(table_of(bystanders)).schema)
    assert back.schema["amount"].high == bystanders["amount"].max() < people["amount"].max()


def test_where_everybody_was_erased_nothing_is_left_to_take_in(workspace: Workspace, people: pd.DataFrame) -> None:
    suppress(workspace, *(str(one) for one in people["patient"].unique()))
    with pytest.raises(SuppressedError, match="120 of the 120"):
        data.add(under(workspace, on_suppressed="quarantine"), "again", table_of(people))


def test_the_option_may_be_stricter_than_policy_not_laxer(workspace: Workspace, people: pd.DataFrame) -> None:
    suppress(workspace, str(FIRST))
    lax = under(workspace, on_suppressed="quarantine")
    with pytest.raises(SuppressedError):
        data.add(lax, "again", table_of(people), "refuse")
    before = stored(workspace)
    with pytest.raises(PolicyError, match="'quarantine'"):
        data.add(workspace, "again", table_of(people), "quarantine")
    with pytest.raises(InputError, match="'ask'"):
        data.add(workspace, "again", table_of(people), "ask")
    assert stored(workspace) == before


def test_a_lost_ledger_key_stops_imports(workspace: Workspace, bystanders: pd.DataFrame) -> None:
    suppress(workspace, str(FIRST))
    (workspace.keys / "ledger.key").unlink()
    with pytest.raises(KeyDestroyedError, match="ledger"):
        data.add(workspace, "others", table_of(bystanders))


def test_a_workspace_from_before_there_was_a_ledger_gets_its_key_with_the_first_entry(
    workspace: Workspace, bystanders: pd.DataFrame
) -> None:
    (workspace.keys / "ledger.key").unlink()
    data.add(workspace, "others", table_of(bystanders))
    suppress(workspace, str(FIRST))
    assert (workspace.keys / "ledger.key").stat().st_mode & 0o777 == 0o600


def test_suppression_ends_and_the_next_write_drops_it(workspace: Workspace, people: pd.DataFrame) -> None:
    suppress(workspace, str(FIRST))
    suppress(workspace, str(SECOND))
    with workspace.vault.transaction() as connection:
        connection.execute(SUPPRESSED.update().values(until=PAST))
    assert suppression.status(workspace).people == 0
    data.add(workspace, "again", table_of(people))
    ended = [entry for entry in log(workspace) if entry["event"] == "suppression ended"]
    assert [entry["people"] for entry in ended] == [2]
    with workspace.vault.transaction() as connection:
        assert ledger.entries(connection) == []
        found = journal.verify(workspace, connection)
    assert found.covered == found.entries


@pytest.mark.parametrize(("days", "expected"), [(0, None), (1, "20"), (36_500, "21")])
def test_policy_says_how_long(days: int, expected: str | None) -> None:
    end = suppression.until(Policy(suppression_days=days))
    assert end is None if expected is None else end is not None and end.startswith(expected)


def test_a_retention_that_no_calendar_has_is_refused() -> None:
    with pytest.raises(InputError, match="suppression_days"):
        Policy(suppression_days=36_501)


def test_the_status_has_figures_and_no_tags(workspace: Workspace) -> None:
    assert suppression.status(workspace).to_dict() == {
        "people": 0,
        "oldest": None,
        "newest": None,
        "next_end": None,
        "basis": workspace.policy.suppression_basis,
        "days": 3650,
        "on_suppressed": "refuse",
    }
    suppress(workspace, "1", until="2998-01-01T00:00:00Z")
    suppress(workspace, "2", until="2999-01-01T00:00:00Z")
    found = suppression.status(workspace)
    assert (found.people, found.next_end) == (2, "2998-01-01T00:00:00Z")
    assert found.oldest is not None
    assert found.newest is not None
    with workspace.vault.transaction() as connection:
        tags = [entry.tag.hex() for entry in ledger.entries(connection)]
    assert not any(tag in str(found.to_dict()) for tag in tags)


def test_who_is_released_can_be_imported_and_the_log_says_why_without_saying_who(
    workspace: Workspace, people: pd.DataFrame
) -> None:
    suppress(workspace, str(FIRST))
    suppression.release(workspace, f" {FIRST}", "a new treatment contract")
    assert (log(workspace)[-1]["event"], log(workspace)[-1]["reason"]) == (
        "suppression released",
        "a new treatment contract",
    )
    assert str(FIRST) not in json.dumps(log(workspace))
    assert data.add(workspace, "again", table_of(people)).set_aside == 0


def test_who_is_not_in_the_ledger_cannot_be_released(workspace: Workspace) -> None:
    suppress(workspace, str(FIRST))
    before = log(workspace)
    with pytest.raises(NotFoundError):
        suppression.release(workspace, str(SECOND), "new consent")
    assert log(workspace) == before


@pytest.mark.parametrize(
    ("subject", "reason", "error"),
    [
        (" ", "consent", InputError),
        ("7", " ", InputError),
        ("71001", "patient 71001 came back", InputError),
        ("Anna Berg", "contract of ANNA BERG", InputError),
        ("\udcff", "consent", SubjectIdError),
    ],
)
def test_a_release_that_cannot_be_used_is_refused(
    workspace: Workspace, subject: str, reason: str, error: type[Exception]
) -> None:
    suppress(workspace, "71001", "Anna Berg", "7")
    before = log(workspace)
    with pytest.raises(error):
        suppression.release(workspace, subject, reason)
    assert log(workspace) == before


def test_the_destroyed_ledger_stops_nobody_and_is_in_the_log(workspace: Workspace, people: pd.DataFrame) -> None:
    suppress(workspace, str(FIRST), str(SECOND))
    secret = (workspace.keys / "ledger.key").read_bytes()
    assert suppression.destroy(workspace) == 2
    assert not (workspace.keys / "ledger.key").exists()
    assert secret.strip() not in b"".join(path.read_bytes() for path in workspace.keys.iterdir() if path.is_file())
    assert (log(workspace)[-1]["event"], log(workspace)[-1]["people"]) == ("suppression ledger destroyed", 2)
    assert data.add(workspace, "again", table_of(people)).set_aside == 0


def test_a_destruction_that_was_cut_short_is_finished_by_the_same_call(
    workspace: Workspace, bystanders: pd.DataFrame
) -> None:
    suppress(workspace, str(FIRST))
    ledger.destroy_key(workspace.vault)
    with pytest.raises(KeyDestroyedError, match="ledger destroy"):
        data.add(workspace, "others", table_of(bystanders))
    assert suppression.destroy(workspace) == 1
    assert data.add(workspace, "others", table_of(bystanders)).set_aside == 0


def test_a_ledger_under_another_key_stops_imports_too(workspace: Workspace, bystanders: pd.DataFrame) -> None:
    suppress(workspace, str(FIRST))
    (workspace.keys / "ledger.key").write_text("ab" * 32)
    with pytest.raises(CorruptedError, match="another key"):
        data.add(workspace, "others", table_of(bystanders))


@pytest.fixture
def erasing(workspace: Workspace) -> Workspace:
    """A workspace in which an erasure was begun and not ended."""
    suppress(workspace, str(FIRST))
    with workspace.vault.transaction() as connection:
        connection.execute(
            REQUEST.insert().values(
                id="R-1",
                number=1,
                law="gdpr",
                received=PAST,
                due="2001-02-01",
                state="checked",
                outcome="open",
                batch="B",
            )
        )
    return workspace


def test_while_an_erasure_is_on_its_way_nobody_is_released_and_nothing_destroyed(erasing: Workspace) -> None:
    with pytest.raises(WorkspaceBusyError):
        suppression.release(erasing, str(FIRST), "consent")
    with pytest.raises(WorkspaceBusyError):
        suppression.destroy(erasing)
    assert suppression.status(erasing).people == 1


def test_two_workspaces_have_two_ledgers(prepared: Path, copy_of: Callable[[Path], Path], workspace: Workspace) -> None:
    other = open_workspace(copy_of(prepared))
    suppress(workspace, str(FIRST))
    assert suppression.status(other).people == 0
