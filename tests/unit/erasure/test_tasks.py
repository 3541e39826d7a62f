"""Recipients are told, or it is explained why not; before that there is no certificate."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from expunge.domain.recipient import RecipientKind, Told
from expunge.domain.request import Law, Outcome, State
from expunge.erasure import clock, decide, execute, holding, intake, letters, requests, tasks
from expunge.errors import (
    IllegalMoveError,
    InputError,
    KeyDestroyedError,
    NotFoundError,
    RecipientsOpenError,
    WorkspaceBusyError,
)
from expunge.workspace import data, journal, models, recipients, register
from expunge.workspace.folder import Workspace

Approve = Callable[..., list[str]]
LAB, BANK = "Lab Ltd", "Data Bank"


@pytest.fixture
def shared(workspace: Workspace) -> Workspace:
    """The lab has the dataset, the bank a model."""
    recipients.add(workspace, LAB, RecipientKind.PROCESSOR)
    recipients.add(workspace, BANK, RecipientKind.THIRD_PARTY)
    recipients.disclose(workspace, LAB, "visits", "dataset")
    recipients.disclose(workspace, BANK, "ridge", "model")
    return workspace


def every(workspace: Workspace) -> list[tasks.Task]:
    with workspace.vault.transaction() as connection:
        return tasks.every(connection)


def trained_on(workspace: Workspace) -> list[int]:
    """Ids of the people whom the bank's model learned from."""
    with workspace.vault.transaction() as connection:
        version = register.current(connection, register.by_name(connection, "ridge").id)
        return sorted(int(one) for one in register.open_learner(workspace, connection, version).subjects_held())


def held_out(workspace: Workspace) -> int:
    """Id of somebody who is in the dataset alone."""
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
        everybody = data.load(workspace, connection, dataset.id).subject_ids()
    return min({int(one) for one in everybody}.difference(trained_on(workspace)))


def test_who_has_what_the_person_was_in_is_to_be_told_and_nobody_else(shared: Workspace, approve: Approve) -> None:
    approve(shared, trained_on(shared)[0], held_out(shared))
    found = every(shared)
    assert [task.name for task in found] == [LAB, BANK, LAB]
    assert {task.state for task in found} == {Told.OPEN}
    assert len({task.id for task in found}) == 3


def test_before_everybody_is_told_there_is_no_certificate_and_nothing_failed(
    shared: Workspace, approve: Approve, certified: Any
) -> None:
    (request,) = approve(shared, trained_on(shared)[0])
    lab, bank = every(shared)
    for task, settle, words in ((lab, tasks.done, "By post."), (bank, tasks.explain, "Closed.")):
        with pytest.raises(RecipientsOpenError, match="expunge task"):
            execute.erase(shared, [request])
        with shared.vault.transaction() as connection:
            found = requests.load(connection, request)
        assert (found.state, found.failed, found.outcome) == (State.CHECKED, None, Outcome.OPEN)
        assert list(shared.certificates.iterdir()) == []
        settle(shared, task.id, words)
    done = execute.erase(shared, [request])
    lines = certified(shared, done.certificate).statement.recipients
    assert [(line.request, line.recipient, line.kind, line.outcome) for line in lines] == [
        (request, lab.recipient, RecipientKind.PROCESSOR, Told.DONE),
        (request, bank.recipient, RecipientKind.THIRD_PARTY, Told.EXPLAINED),
    ]
    content = (shared.certificates / f"{done.certificate}.json").read_text()
    for private in (LAB, BANK, "By post.", "Closed."):
        assert private not in content


def test_who_was_told_on_approval_lets_the_batch_go_through(shared: Workspace, approve: Approve) -> None:
    (request,) = approve(shared, trained_on(shared)[0])
    for task in every(shared):
        tasks.done(shared, task.id)
    assert execute.erase(shared, [request]).certificate is not None


def test_a_disclosure_after_the_approval_is_not_forgotten(shared: Workspace, approve: Approve) -> None:
    (request,) = approve(shared, held_out(shared))
    (only,) = every(shared)
    tasks.done(shared, only.id)
    recipients.add(shared, "Late", RecipientKind.CONTROLLER)
    recipients.disclose(shared, "Late", "visits", "dataset")
    with pytest.raises(RecipientsOpenError):
        execute.erase(shared, [request])
    assert [task.name for task in every(shared)] == [LAB, "Late"]


def test_while_a_batch_is_on_its_way_nothing_is_disclosed(shared: Workspace, approve: Approve, tmp_path: Path) -> None:
    (request,) = approve(shared, held_out(shared))
    with pytest.raises(RecipientsOpenError):
        execute.erase(shared, [request])
    with pytest.raises(WorkspaceBusyError):
        recipients.disclose(shared, BANK, "visits", "dataset")
    with pytest.raises(WorkspaceBusyError):
        models.export(shared, "ridge", tmp_path / "out", BANK)


def test_the_letter_says_what_and_not_who(shared: Workspace, approve: Approve) -> None:
    person = trained_on(shared)[0]
    (request,) = approve(shared, person)
    lab, _ = every(shared)
    text = (shared.letters / request / f"recipient-{lab.recipient}.txt").read_text()
    for said in (LAB, "processor", lab.id, "visits", "Art. 19"):
        assert said in text
    assert "ridge" not in text
    assert str(person) not in text


def test_the_officer_is_told_who_it_is_and_the_log_for_what(shared: Workspace, approve: Approve) -> None:
    person = trained_on(shared)[0]
    (request,) = approve(shared, person)
    lab, bank = every(shared)
    task, recipient, subject = tasks.show(shared, lab.id)
    assert (task, recipient.name, subject) == (lab, LAB, str(person))
    with shared.vault.transaction() as connection:
        last = json.loads(journal.entries(connection)[-1])
    assert (last["event"], last["task"], last["purpose"]) == ("identity opened", lab.id, "to tell a recipient")
    assert str(person) not in str(last)
    for one in (lab, bank):
        tasks.done(shared, one.id)
    execute.erase(shared, [request])
    with pytest.raises(KeyDestroyedError):
        tasks.show(shared, lab.id)


def test_settling_again_changes_nothing_and_after_the_certificate_it_is_late(
    shared: Workspace, approve: Approve
) -> None:
    (request,) = approve(shared, held_out(shared))
    (task,) = every(shared)
    explained = tasks.explain(shared, task.id, "It cannot be reached.")
    told = tasks.done(shared, task.id)
    assert (explained.state, told.state, told.actor) == (Told.EXPLAINED, Told.DONE, "owner")
    assert tasks.done(shared, task.id, "again") == told
    with pytest.raises(IllegalMoveError, match="was told"):
        tasks.explain(shared, task.id, "Why not.")
    execute.erase(shared, [request])
    with pytest.raises(IllegalMoveError, match="the certificate"):
        tasks.explain(shared, task.id, "Why not.")
    with pytest.raises(NotFoundError, match="'T-none'"):
        tasks.done(shared, "T-none")


@pytest.mark.parametrize("why", ["", "It is about {person}."])
def test_a_reason_is_given_and_names_nobody(shared: Workspace, approve: Approve, why: str) -> None:
    person = held_out(shared)
    approve(shared, person)
    (task,) = every(shared)
    with pytest.raises(InputError):
        tasks.explain(shared, task.id, why.format(person=person))
    assert every(shared) == [task]


def test_under_the_ccpa_a_processor_must_be_told(shared: Workspace) -> None:
    """The exception of 1798.105(c)(1) is for third parties."""
    request = decide.approve(shared, intake.submit(shared, str(trained_on(shared)[0]), Law.CCPA).id)
    lab, bank = every(shared)
    with pytest.raises(InputError, match=r"1798\.105\(c\)\(1\)"):
        tasks.explain(shared, lab.id, "It would take weeks.")
    assert tasks.explain(shared, bank.id, "It would take weeks.").state is Told.EXPLAINED
    tasks.done(shared, lab.id)
    assert execute.erase(shared, [request.id]).certificate is not None


def test_open_tasks_go_with_the_approval_and_what_was_told_stays_told(shared: Workspace, approve: Approve) -> None:
    (request,) = approve(shared, trained_on(shared)[0])
    lab, bank = every(shared)
    tasks.done(shared, lab.id)
    holding.hold(shared, request, "17(3)(e)", clock.today() + timedelta(days=40))
    assert [task.id for task in every(shared)] == [lab.id]
    assert not (shared.letters / request / f"recipient-{bank.recipient}.txt").exists()
    holding.resume(shared, request)
    decide.approve(shared, request)
    assert [(task.id, task.state) for task in every(shared)] == [(lab.id, Told.DONE), (bank.id, Told.OPEN)]


def test_who_gave_the_data_back_need_not_be_told(shared: Workspace, approve: Approve) -> None:
    recipients.end(shared, LAB)
    (request,) = approve(shared, held_out(shared))
    assert every(shared) == []
    assert execute.erase(shared, [request]).certificate is not None


def test_a_letter_to_a_recipient_goes_when_it_is_durable_that_its_task_went(
    shared: Workspace, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    (request,) = approve(shared, held_out(shared))
    (task,) = every(shared)
    letter = letters.path_to(shared, request, task.recipient)
    assert letter.is_file()

    def full(*_args: Any, **_more: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("expunge.erasure.requests.move", full)
        with pytest.raises(OSError, match="No space"):
            holding.hold(shared, request, "17(3)(e)", clock.today() + timedelta(days=40))
    assert (every(shared), letter.is_file()) == ([task], True)
    holding.hold(shared, request, "17(3)(e)", clock.today() + timedelta(days=40))
    assert (every(shared), letter.exists()) == ([], False)


def test_a_letter_says_what_a_recipient_has_until_it_is_told(shared: Workspace, approve: Approve) -> None:
    person = min(trained_on(shared))
    (request,) = approve(shared, person)
    told = {task.name: task for task in every(shared)}
    tasks.done(shared, told[LAB].id)
    paths = {name: letters.path_to(shared, request, task.recipient) for name, task in told.items()}
    before = {name: path.read_text() for name, path in paths.items()}
    recipients.disclose(shared, BANK, "additive", "model")
    recipients.disclose(shared, LAB, "additive", "model")
    with pytest.raises(RecipientsOpenError):
        execute.erase(shared, [request])
    assert "- additive, on" in paths[BANK].read_text()
    assert paths[LAB].read_text() == before[LAB]
