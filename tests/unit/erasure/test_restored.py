"""Whoever was erased and comes back with a restored backup is found, by ledger or certificates, and erased again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from expunge.certificates.verify import Verified
from expunge.datasets import checked, declare, read_frame
from expunge.domain.request import Law, Outcome, State
from expunge.erasure import decide, execute, intake, restored
from expunge.errors import EnvelopeFormatError, NotFoundError, NotVerifiedError, SuppressedError
from expunge.vault import ledger
from expunge.workspace import data, journal, ledger_copy, models, register, suppression
from expunge.workspace.folder import Workspace, init, keys_beside, open_workspace

FIRST, SECOND, THIRD = 71_001, 71_014, 71_027
RECORDS, PROCESSING = "17(3)(b)", "17(3)(d)"
Approve = Callable[..., list[str]]


def held_by(workspace: Workspace) -> dict[str, set[int | str]]:
    """Everybody whom each dataset and model holds, read past the ledger and the register."""
    found: dict[str, set[int | str]] = {}
    with workspace.vault.transaction() as connection:
        for dataset in data.every(workspace, connection):
            found[dataset.name] = set(data.load(workspace, connection, dataset.id).subject_ids())
        for model in register.every(connection):
            version = register.current(connection, model.id)
            found[model.name] = set(register.open_learner(workspace, connection, version).subjects_held())
    return found


def back_in(workspace: Workspace, *certificates: Path) -> dict[str, set[int | str]]:
    return {back.name: set(back.people) for back in restored.find(workspace, certificates)}


def holding(workspace: Workspace, *people: int) -> dict[str, set[int | str]]:
    return {name: own for name, held in held_by(workspace).items() if (own := held.intersection(people))}


def log(workspace: Workspace) -> list[dict[str, Any]]:
    with workspace.vault.transaction() as connection:
        return [json.loads(entry) for entry in journal.entries(connection)]


def put_back(backup: Path, workspace: Workspace) -> Workspace:
    """Restore the workspace and its keys from a backup of both."""
    for source, to in ((backup, workspace.folder), (keys_beside(backup), workspace.keys)):
        shutil.rmtree(to)
        shutil.copytree(source, to)
    return open_workspace(workspace.folder)


@dataclass(frozen=True)
class Restored:
    """A workspace restored from before an erasure, and what was kept elsewhere."""

    workspace: Workspace
    backup: Path
    copy: Path
    certificate: Path
    head: str


@pytest.fixture(scope="module")
def once(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Restored:
    """Two people are erased after the backup, one before it; never change it: take `again`."""
    place = tmp_path_factory.mktemp("restored")
    for source, to in ((prepared, place / "w"), (keys_beside(prepared), place / "w.keys")):
        shutil.copytree(source, to)
    workspace = open_workspace(place / "w")
    erase(workspace, THIRD)
    for source, to in ((place / "w", place / "b"), (place / "w.keys", place / "b.keys")):
        shutil.copytree(source, to)
    certificate = shutil.copy(erase(workspace, FIRST, SECOND), place / "certificate.json")
    ledger_copy.export(workspace, place / "ledger.json")
    head = journal.checkpoint(workspace)
    workspace = put_back(place / "b", workspace)
    return Restored(workspace, place / "b", place / "ledger.json", Path(certificate), head)


@pytest.fixture
def again(once: Restored) -> Restored:
    """The workspace as it is right after the restore."""
    return Restored(put_back(once.backup, once.workspace), once.backup, once.copy, once.certificate, once.head)


def erase(workspace: Workspace, *people: int) -> Path:
    ids = [decide.approve(workspace, intake.submit(workspace, str(one), Law.GDPR).id).id for one in people]
    return workspace.certificates / f"{execute.erase(workspace, ids).certificate}.json"


def test_the_restored_workspace_alone_does_not_know(again: Restored) -> None:
    """The control: the backup brought back last week's rows and last week's ledger."""
    assert holding(again.workspace, FIRST, SECOND)["visits"] == {FIRST, SECOND}
    assert back_in(again.workspace) == {}


def test_a_pinned_checkpoint_shows_that_the_log_was_restored(again: Restored) -> None:
    with again.workspace.vault.transaction() as connection:
        journal.verify(again.workspace, connection)
        for pinned in (again.head, journal.read_pinned(again.certificate)):
            with pytest.raises(NotVerifiedError, match="cut or restored"):
                journal.verify(again.workspace, connection, pinned)


def test_the_copy_of_the_ledger_finds_exactly_those_who_are_back(again: Restored) -> None:
    assert ledger_copy.restore(again.workspace, again.copy) == 2
    assert back_in(again.workspace) == holding(again.workspace, FIRST, SECOND)


def test_certificates_alone_find_exactly_those_who_are_back(again: Restored) -> None:
    assert back_in(again.workspace, again.certificate) == holding(again.workspace, FIRST, SECOND)
    # The certificate of the erasure before the backup has nothing to say.
    (older,) = again.workspace.certificates.iterdir()
    assert back_in(again.workspace, older) == {}


def test_both_ways_together_find_everybody_once(again: Restored) -> None:
    ledger_copy.restore(again.workspace, again.copy)
    suppression.release(again.workspace, str(FIRST), "new consent")
    assert back_in(again.workspace) == holding(again.workspace, SECOND)
    assert back_in(again.workspace, again.certificate) == holding(again.workspace, FIRST, SECOND)


@pytest.mark.parametrize("by", ["ledger", "certificate"])
def test_whoever_is_back_is_erased_again_with_a_new_certificate(
    again: Restored, by: str, certified: Callable[[Workspace, str | None], Verified]
) -> None:
    workspace = again.workspace
    bystanders = {name: people - {FIRST, SECOND} for name, people in held_by(workspace).items()}
    if by == "ledger":
        ledger_copy.restore(workspace, again.copy)
    kept = [again.certificate] if by == "certificate" else []
    found = restored.find(workspace, kept)
    made = restored.submit(workspace, found, Law.GDPR)
    assert [request.state for request in made] == [State.PLANNED] * 2
    assert restored.submit(workspace, found, Law.CCPA) == (), "a request is open for each of them"
    ids = [decide.approve(workspace, request.id).id for request in made]
    done = execute.erase(workspace, ids)
    assert [request.outcome for request in done.requests] == [Outcome.ERASED] * 2

    assert certified(workspace, done.certificate).statement.batch == done.batch
    assert held_by(workspace) == bystanders
    assert restored.find(workspace, [again.certificate]) == ()
    assert suppression.status(workspace).people == 3
    told = [entry for entry in log(workspace) if entry["event"] == "request received" and entry.get("restored")]
    assert [entry["request"] for entry in told] == ids
    assert not any(str(person) in json.dumps(log(workspace)) for person in (FIRST, SECOND))


def test_an_open_request_is_not_doubled(again: Restored) -> None:
    intake.submit(again.workspace, str(FIRST), Law.CCPA)
    (made,) = restored.submit(again.workspace, restored.find(again.workspace, [again.certificate]), Law.GDPR)
    assert made.state is State.PLANNED


def test_what_is_shown_of_those_who_are_back_are_counts(again: Restored) -> None:
    shown = [back.to_dict() for back in restored.find(again.workspace, [again.certificate])]
    assert {one["name"]: one["people"] for one in shown}["visits"] == 2
    assert not any(str(person) in json.dumps(shown) for person in (FIRST, SECOND))


def test_a_false_certificate_finds_nobody(again: Restored, tmp_path: Path) -> None:
    changed = tmp_path / "changed.json"
    content = json.loads(again.certificate.read_bytes())
    content["log"]["index"] -= 1
    changed.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    with pytest.raises(NotVerifiedError):
        restored.find(again.workspace, [changed])
    changed.write_bytes(b"{}")
    with pytest.raises(EnvelopeFormatError):
        restored.find(again.workspace, [changed])
    with pytest.raises(NotFoundError):
        restored.find(again.workspace, [tmp_path / "none.json"])


def test_a_certificate_of_another_workspace_is_refused(again: Restored, tmp_path: Path) -> None:
    init(tmp_path / "other")
    with pytest.raises(NotVerifiedError, match="signature"):
        restored.find(open_workspace(tmp_path / "other"), [again.certificate])


# Without a restore.


def test_in_a_workspace_that_was_not_restored_nobody_is_back(workspace: Workspace) -> None:
    certificate = erase(workspace, FIRST)
    assert restored.find(workspace, [certificate]) == ()


def test_an_erased_person_is_in_the_ledger_from_the_shred_on_and_stopped(
    workspace: Workspace, approve: Approve, people: pd.DataFrame
) -> None:
    before: dict[State, int] = {}

    def look(reached: State) -> None:
        before[reached] = suppression.status(workspace).people

    execute.erase(workspace, approve(workspace, FIRST), look)
    assert before[State.VERIFIED] == 0
    assert {count for state, count in before.items() if state not in {State.UNLEARNED, State.VERIFIED}} == {1}
    raw = read_frame(people)
    with pytest.raises(SuppressedError):
        data.add(workspace, "again", checked(raw, declare(raw.names, subject="patient", target="sick")))


def test_every_certificate_says_on_what_basis_and_how_long(
    workspace: Workspace, certified: Callable[[Workspace, str | None], Verified]
) -> None:
    note = certified(workspace, erase(workspace, FIRST).stem).statement.notes[0]
    with workspace.vault.transaction() as connection:
        (entry,) = ledger.entries(connection)
    assert entry.until is not None
    assert workspace.policy.suppression_basis in note
    assert note.endswith(f"Kept until {entry.until[:10]}.")


# Erased here, retained there.


@pytest.fixture
def two(workspace: Workspace, people: pd.DataFrame) -> Workspace:
    """The same people in a second dataset, "accounts", and a model "account" on it."""
    raw = read_frame(people)
    table = checked(raw, declare(raw.names, subject="patient", target="sick", roles=["name=ignored", "note=ignored"]))
    data.add(workspace, "accounts", table)
    data.confirm(workspace, "accounts")
    models.train(workspace, "account", "accounts", "ridge")
    return workspace


def partly(workspace: Workspace, person: int, ground: str) -> Path:
    request = intake.submit(workspace, str(person), Law.GDPR)
    decide.refuse_for(workspace, request.id, ground, "accounts")
    decide.approve(workspace, request.id)
    return workspace.certificates / f"{execute.erase(workspace, [request.id]).certificate}.json"


def learned(workspace: Workspace) -> int:
    return min(int(one) for one in set.intersection(*held_by(workspace).values()))


@pytest.mark.parametrize(
    ("ground", "expected"),
    [(RECORDS, {"visits", "ridge", "additive", "account"}), (PROCESSING, {"visits", "ridge", "additive"})],
)
def test_who_is_rightly_retained_is_not_back_but_is_suppressed(
    two: Workspace,
    copy_of: Callable[[Path], Path],
    tmp_path: Path,
    people: pd.DataFrame,
    ground: str,
    expected: set[str],
) -> None:
    person = learned(two)
    backup = copy_of(two.folder)
    certificate = Path(shutil.copy(partly(two, person, ground), tmp_path / "kept.json"))
    assert back_in(two, certificate) == {}, "retained in accounts, by right"
    raw = read_frame(people)
    with pytest.raises(SuppressedError, match="1 of"):
        data.add(two, "third", checked(raw, declare(raw.names, subject="patient", target="sick")))
    ledger_copy.export(two, tmp_path / "ledger.json")
    workspace = put_back(backup, two)
    assert back_in(workspace, certificate) == {name: {person} for name in expected}
    ledger_copy.restore(workspace, tmp_path / "ledger.json")
    assert back_in(workspace) == {name: {person} for name in expected}


def test_of_whom_only_models_forgot_the_ledger_keeps_nothing(
    workspace: Workspace, certified: Callable[[Workspace, str | None], Verified]
) -> None:
    person = learned(workspace)
    request = intake.submit(workspace, str(person), Law.GDPR)
    decide.refuse_for(workspace, request.id, RECORDS, "visits")
    decide.approve(workspace, request.id)
    done = execute.erase(workspace, [request.id])
    assert suppression.status(workspace).people == 0
    assert "keeps nothing of this batch" in certified(workspace, done.certificate).statement.notes[0]
    letter = (workspace.letters / request.id / "partial.txt").read_text()
    assert "We keep your data, for the reasons below." in letter
    assert "erased a part" not in letter


def test_what_was_retained_and_is_erased_later_is_an_exception_no_more(two: Workspace) -> None:
    person = learned(two)
    partly(two, person, RECORDS)
    with two.vault.transaction() as connection:
        (entry,) = ledger.entries(connection)
        accounts = data.by_name(connection, "accounts").id
    assert entry.retained == {accounts: "records"}
    erase(two, person)
    with two.vault.transaction() as connection:
        (entry,) = ledger.entries(connection)
    assert entry.retained == {}
