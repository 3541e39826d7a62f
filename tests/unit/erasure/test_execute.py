"""A batch from approved to closed: whoever leaves, the certificate is true."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import func, insert, select, update

from expunge.certificates.verify import Verified
from expunge.datasets import checked, declare, read_frame
from expunge.domain.certificate import Copy
from expunge.domain.plan import Method
from expunge.domain.report import Verdict
from expunge.domain.request import STEPS, Law, Outcome, State
from expunge.domain.subject import SubjectId
from expunge.erasure import batch as batches
from expunge.erasure import clock, decide, execute, intake, requests
from expunge.erasure.replay import replay_certificate
from expunge.errors import CheckFailedError, IllegalMoveError, KeyDestroyedError, NotFoundError, WorkspaceBusyError
from expunge.log.sparse import members_root
from expunge.vault import blobs, records, subjects
from expunge.vault.database import BATCH, BLOB_KEY, CERTIFICATE, LOG_LEAF, MODEL_VERSION, ROOT
from expunge.vault.identity import destroy_identity
from expunge.workspace import data, journal, members, models, register
from expunge.workspace.folder import Workspace

Approve = Callable[..., list[str]]
Certified = Callable[[Workspace, str | None], Verified]
Make = Callable[..., Workspace]


def everybody(workspace: Workspace) -> set[SubjectId]:
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
        return set(data.load(workspace, connection, dataset.id).subject_ids())


def learned(workspace: Workspace, model: str) -> str:
    with workspace.vault.transaction() as connection:
        version = register.current(connection, register.by_name(connection, model).id)
        return register.open_learner(workspace, connection, version).digest()


def refitted(workspace: Workspace, model: str) -> str:
    """The learned digest of a fit on the raw rows that are there now."""
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, model)
        table = data.load_remaining(workspace, connection, row.dataset_id, ())
        training = models.training_rows(workspace, table, row.id, row.held_out)
        learner, _ = models.fit(workspace, connection, row.id, training)
    return learner.digest()


def copies(verified: Verified) -> dict[str, Copy]:
    return {copy.name: copy for copy in verified.statement.copies}


def verdicts(copy: Copy) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in copy.checks}


def trained_on(workspace: Workspace, model: str) -> set[SubjectId]:
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, model)
        version = register.current(connection, row.id)
        return set(register.open_learner(workspace, connection, version).subjects_held())


def held_by_nobody(workspace: Workspace, person: SubjectId) -> bool:
    with workspace.vault.transaction() as connection:
        return not subjects.everywhere(workspace.vault, connection, [person])


def stop_at(state: State) -> Callable[[State], None]:
    def stop(reached: State) -> None:
        if reached is state:
            raise RuntimeError("stopped")

    return stop


def test_a_batch_of_several_people_ends_in_one_true_certificate(
    workspace: Workspace, approve: Approve, certified: Certified
) -> None:
    before = everybody(workspace)
    people = sorted(before, key=str)[:4]
    done = execute.erase(workspace, approve(workspace, *people))
    assert {(request.state, request.outcome) for request in done.requests} == {(State.CLOSED, Outcome.ERASED)}
    assert everybody(workspace) == before - set(people)
    verified = certified(workspace, done.certificate)
    assert {line.id for line in verified.statement.requests} == {request.id for request in done.requests}
    found = copies(verified)
    assert found.keys() == {"visits", "ridge", "additive"}
    assert len(found["visits"].members.left) == 4
    for model in ("ridge", "additive"):
        assert found[model].method is Method.FORGET
        assert verdicts(found[model])["replay"] is Verdict.PASSED
        assert learned(workspace, model) == refitted(workspace, model)
        assert trained_on(workspace, model).isdisjoint(people)
    assert [check.verdict for check in verified.statement.checks] == [Verdict.PASSED]
    assert all(held_by_nobody(workspace, person) for person in people)
    replayed = replay_certificate(workspace, workspace.certificates / f"{done.certificate}.json")
    assert {one.verdict for one in replayed} == {Verdict.PASSED}


def test_from_shredded_on_the_keys_are_gone_though_the_ciphertexts_are_there(
    workspace: Workspace, approve: Approve
) -> None:
    with workspace.vault.transaction() as connection:
        (ref,) = subjects.everywhere(workspace.vault, connection, [71001])
        before = subjects.keys_of(workspace.vault, connection)
    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, approve(workspace, 71001), stop_at(State.SHREDDED))
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
        assert ref in records.holders(connection, dataset.id)
        assert subjects.keys_of(workspace.vault, connection) == {
            other: key for other, key in before.items() if other != ref
        }


def test_a_model_that_holds_rows_goes_with_the_keys_and_others_predict_on(
    workspace: Workspace, approve: Approve, certified: Certified
) -> None:
    models.train(workspace, "near", "visits", "k-neighbors")
    person = min(trained_on(workspace, "near"), key=str)
    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, ids := approve(workspace, person), stop_at(State.SHREDDED))
    with workspace.vault.transaction() as connection:
        versions = {one.name: register.current(connection, one.id) for one in register.every(connection)}
        assert register.open_served(workspace, connection, versions["ridge"]).classes is not None
        with pytest.raises(KeyDestroyedError):
            register.open_served(workspace, connection, versions["near"])
    found = copies(certified(workspace, execute.erase(workspace, ids).certificate))["near"]
    assert (found.method, verdicts(found)["replay"]) == (Method.FORGET, Verdict.PASSED)
    assert person not in trained_on(workspace, "near")
    with workspace.vault.transaction() as connection:
        version = register.current(connection, register.by_name(connection, "near").id)
        served: Any = register.open_served(workspace, connection, version)
        assert len(served.rows) == register.open_learner(workspace, connection, version).records_held()


def test_nothing_is_left_over(workspace: Workspace, approve: Approve) -> None:
    execute.erase(workspace, approve(workspace, 71001))
    with workspace.vault.transaction() as connection:
        known = set(connection.execute(select(BLOB_KEY.c.id)).scalars())
        assert connection.execute(select(func.count()).select_from(MODEL_VERSION)).scalar() == 2
        assert records.check_segments(workspace.vault, connection) == []
        log = journal.verify(workspace, connection)
        assert log.covered == log.entries
        assert batches.unfinished(workspace, connection) is None
        assert connection.execute(select(BATCH.c.evidence_blob)).scalar() is None
    assert {path.name for path in workspace.vault.blobs.iterdir()} == known
    assert workspace.vault.roots.versions() == [2]
    assert list((workspace.keys / "requests").iterdir()) == []


def test_an_erased_text_is_in_no_file(workspace: Workspace, approve: Approve, people: pd.DataFrame) -> None:
    own = people[people["patient"] == 71001]
    execute.erase(workspace, approve(workspace, 71001))
    for path in (path for folder in (workspace.folder, workspace.keys) for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert not [text for text in (*own["name"], *own["note"], "isolation") if text.encode() in content], path
        assert b"71001" not in content, path


def test_asking_again_reports_and_repeats_nothing(workspace: Workspace, approve: Approve) -> None:
    ids = approve(workspace, 71001)
    first = execute.erase(workspace, ids)
    with workspace.vault.transaction() as connection:
        size = journal.size(connection)
    again = execute.erase(workspace, [*ids, *ids])
    assert (again.certificate, again.batch) == (first.certificate, first.batch)
    with workspace.vault.transaction() as connection:
        assert journal.size(connection) == size
    assert execute.erase(workspace, []) == execute.Done(None, None, ())


def test_two_requests_of_one_person_share_a_batch(workspace: Workspace, approve: Approve, certified: Certified) -> None:
    done = execute.erase(workspace, [*approve(workspace, 71001), *approve(workspace, 71001, law=Law.CCPA)])
    assert [request.outcome for request in done.requests] == [Outcome.ERASED] * 2
    statement = certified(workspace, done.certificate).statement
    assert [line.law for line in statement.requests] == ["GDPR", "CCPA"]
    assert len(statement.copies[0].members.left) == 1


def test_a_second_request_for_who_is_gone_is_refused(workspace: Workspace, approve: Approve) -> None:
    (first,), (second,) = approve(workspace, 71001), approve(workspace, 71001, law=Law.CCPA)
    execute.erase(workspace, [first])
    done = execute.erase(workspace, [second])
    assert done.certificate is None
    assert [reason for _, reason in done.sent_back] == ["nothing is held of this person any more"]
    assert [(one.outcome, one.ground) for one in done.requests] == [(Outcome.REFUSED, "no-data")]


def test_a_request_whose_person_cannot_be_read_stops_the_batch_unharmed(workspace: Workspace, approve: Approve) -> None:
    """A lost key may mean that the whole key store is of another moment: nobody's keys are destroyed on such ground."""
    broken, whole = approve(workspace, 71001, 71014)
    destroy_identity(workspace.vault, broken)
    before = everybody(workspace)
    with pytest.raises(KeyDestroyedError, match=broken):
        execute.erase(workspace, [broken, whole])
    assert everybody(workspace) == before
    with workspace.vault.transaction() as connection:
        assert requests.load(connection, whole).state is State.APPROVED


def test_a_model_that_knew_none_of_them_is_not_a_member(
    workspace: Workspace, approve: Approve, certified: Certified
) -> None:
    person = min(everybody(workspace) - trained_on(workspace, "ridge"), key=str)
    before = learned(workspace, "ridge")
    done = execute.erase(workspace, approve(workspace, person))
    copy = copies(certified(workspace, done.certificate))["ridge"]
    assert (copy.method, copy.version_before, copy.version_after) == (Method.NOT_A_MEMBER, 1, 1)
    assert copy.members.before == copy.members.after
    assert copy.learned.equal is True
    assert "not replayed" in copy.guarantee_in_words
    assert learned(workspace, "ridge") == before


def test_most_leave_and_the_models_are_refitted(
    make: Make, people: pd.DataFrame, approve: Approve, certified: Certified
) -> None:
    workspace = make(people[people["patient"] < 71_001 + 13 * 25], ["ridge", "additive"], confirm=True)
    done = execute.erase(workspace, approve(workspace, *sorted(everybody(workspace), key=str)[:17]))
    found = copies(certified(workspace, done.certificate))
    for model in ("ridge", "additive"):
        assert found[model].method is Method.REFIT
        assert verdicts(found[model])["replay"] is Verdict.PASSED
        assert learned(workspace, model) == refitted(workspace, model)


def test_one_erasure_after_another(workspace: Workspace, approve: Approve, certified: Certified) -> None:
    """The earlier certificate stays true, and says honestly that it cannot be replayed any more."""
    first, second = (execute.erase(workspace, approve(workspace, person)) for person in (71001, 71014))
    statements = [certified(workspace, done.certificate).statement for done in (first, second)]
    for one, other in zip(*(statement.copies for statement in statements), strict=True):
        assert one.members.after == other.members.before
        assert one.version_after == other.version_before
    assert (statements[0].keys.version_destroyed, statements[1].keys.version_destroyed) == (1, 2)
    verdicts = [
        {one.verdict for one in replay_certificate(workspace, workspace.certificates / f"{done.certificate}.json")}
        for done in (first, second)
    ]
    assert verdicts[1] == {Verdict.PASSED}
    assert Verdict.FAILED not in verdicts[0]
    assert Verdict.NOT_RUN in verdicts[0]


def test_the_model_is_retired_when_the_last_of_a_class_leaves(
    make: Make, people: pd.DataFrame, approve: Approve, certified: Certified
) -> None:
    lone, other = sorted(trained_on(make(people, confirm=True), "ridge"), key=str)[:2]
    workspace = make(people.assign(sick=np.where(people["patient"] == lone, "yes", "no")), confirm=True)
    done = execute.erase(workspace, approve(workspace, lone))
    copy = copies(certified(workspace, done.certificate))["ridge"]
    assert (copy.method, copy.version_after, copy.guarantee) == (Method.RETIRE, None, None)
    assert (copy.learned.after, copy.served.after) == (None, None)
    model = models.show(workspace, "ridge")
    assert (model.version, model.to_dict()["status"]) == (None, "retired")
    with pytest.raises(NotFoundError, match="retired"):
        models.score(workspace, "ridge")
    with workspace.vault.transaction() as connection:
        assert connection.execute(select(func.count()).select_from(MODEL_VERSION)).scalar() == 0
    following = execute.erase(workspace, approve(workspace, other))
    assert copies(certified(workspace, following.certificate)).keys() == {"visits"}
    replayed = replay_certificate(workspace, workspace.certificates / f"{done.certificate}.json")
    assert Verdict.FAILED not in {one.verdict for one in replayed}


@pytest.mark.parametrize("confirm", [True, False])
def test_everybody_leaves(
    make: Make, people: pd.DataFrame, approve: Approve, certified: Certified, *, confirm: bool
) -> None:
    some = people[people["patient"] < 71_001 + 13 * 12]
    workspace = make(some, ["ridge"], confirm=confirm)
    done = execute.erase(workspace, approve(workspace, *everybody(workspace)))
    found = copies(certified(workspace, done.certificate))
    assert found["ridge"].method is Method.RETIRE
    assert found["visits"].members.count_after == 0
    assert found["visits"].members.after == members_root([]).hex()
    assert everybody(workspace) == set()


@pytest.mark.parametrize("learner", ["ridge", "additive"])
def test_where_nothing_is_declared_the_owner_of_an_extreme_takes_it_along(
    make: Make, people: pd.DataFrame, approve: Approve, certified: Certified, learner: str
) -> None:
    owner = min(trained_on(make(people, [learner], confirm=False), learner), key=str)
    own = people["patient"] == owner
    frame = people.assign(amount=people["amount"].clip(0, 3000).where(~own, 12_345.5))
    workspace = make(frame, [learner], confirm=False)
    assert owner in trained_on(workspace, learner)
    assert span(workspace) == (0, 12_345.5)
    done = execute.erase(workspace, approve(workspace, owner))
    copy = copies(certified(workspace, done.certificate))[learner]
    assert copy.method is Method.REFIT
    assert verdicts(copy)["replay"] is Verdict.PASSED
    assert learned(workspace, learner) == refitted(workspace, learner)
    assert span(workspace) == (frame["amount"][~own].min(), frame["amount"][~own].max())


def span(workspace: Workspace) -> tuple[float | None, float | None]:
    with workspace.vault.transaction() as connection:
        (dataset,) = data.every(workspace, connection)
    return dataset.schema["amount"].low, dataset.schema["amount"].high


def test_where_nothing_is_declared_others_are_forgotten_without_a_refit(
    make: Make, people: pd.DataFrame, approve: Approve, certified: Certified
) -> None:
    workspace = make(people, ["ridge"], confirm=False)
    ordinary = sorted(trained_on(workspace, "ridge") - {71001}, key=str)
    done = execute.erase(workspace, approve(workspace, ordinary[7]))
    copy = copies(certified(workspace, done.certificate))["ridge"]
    assert verdicts(copy)["replay"] is Verdict.PASSED
    assert learned(workspace, "ridge") == refitted(workspace, "ridge")


def test_ids_that_are_text(make: Make, people: pd.DataFrame, approve: Approve, certified: Certified) -> None:
    workspace = make(people.assign(patient="P-" + people["patient"].astype(str)), ["additive"], confirm=True)
    done = execute.erase(workspace, approve(workspace, "P-71001", "P-71014"))
    assert len(copies(certified(workspace, done.certificate))["visits"].members.left) == 2


def test_an_exported_copy_is_named_as_a_residual(
    workspace: Workspace, approve: Approve, certified: Certified, tmp_path: Any
) -> None:
    models.export(workspace, "ridge", tmp_path / "export")
    done = execute.erase(workspace, approve(workspace, 71001))
    residuals = certified(workspace, done.certificate).statement.residuals
    assert any("model 'ridge', version 1, was exported" in one for one in residuals)


def plant(workspace: Workspace, batch: str, model: str) -> None:
    """Put the state that still knows everybody in the staged one's place, as a learner that forgets nothing would."""
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, model)
        current = register.current(connection, row.id)
        known = blobs.get(workspace.vault, connection, current.state_blob)
        blob = blobs.put(workspace.vault, connection, "training state", known)
        connection.execute(
            update(MODEL_VERSION)
            .where(MODEL_VERSION.c.model_id == row.id, MODEL_VERSION.c.batch == batch)
            .values(state_blob=blob)
        )


def test_a_failed_replay_stops_everything_before_the_shredding(
    workspace: Workspace, approve: Approve, certified: Certified
) -> None:
    people = sorted(trained_on(workspace, "ridge") & trained_on(workspace, "additive"), key=str)[:2]
    ids = approve(workspace, *people)
    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, ids, stop_at(State.UNLEARNED))
    with workspace.vault.transaction() as connection:
        (batch,) = {request.batch for request in requests.every(connection)}
    assert batch is not None
    plant(workspace, batch, "additive")
    with pytest.raises(CheckFailedError, match=r"'additive'.*replay"):
        execute.erase(workspace, ids)
    with workspace.vault.transaction() as connection:
        for request in requests.in_batch(connection, batch):
            assert request.state is State.FAILED
            assert request.failed is not None
            assert request.failed[0] == State.UNLEARNED
            assert "replay" in request.failed[1]
        assert connection.execute(select(func.count()).select_from(CERTIFICATE)).scalar() == 0
        assert len(subjects.keys_of(workspace.vault, connection)) == len(everybody(workspace))
    assert set(people) <= everybody(workspace)
    assert workspace.vault.roots.versions() == [1]
    assert list(workspace.certificates.iterdir()) == []
    # The cause is gone: the same command stages afresh and ends well.
    done = execute.erase(workspace, ids)
    assert {request.outcome for request in done.requests} == {Outcome.ERASED}
    found = copies(certified(workspace, done.certificate))
    assert verdicts(found["additive"])["replay"] is Verdict.PASSED
    assert learned(workspace, "additive") == refitted(workspace, "additive")
    with workspace.vault.transaction() as connection:
        assert connection.execute(select(func.count()).select_from(MODEL_VERSION)).scalar() == 2


def test_a_trace_that_was_left_stops_the_certificate(
    workspace: Workspace, approve: Approve, certified: Certified, people: pd.DataFrame
) -> None:
    """Somebody kept the person's name in a file: the keys are gone, and still nothing is signed."""
    ids = approve(workspace, 71001)
    kept = workspace.folder / "letters" / "draft.txt"
    kept.write_text(people["name"][0], encoding="utf-8")
    with pytest.raises(CheckFailedError, match=r"draft\.txt"):
        execute.erase(workspace, ids)
    with workspace.vault.transaction() as connection:
        (request,) = requests.every(connection)
        assert request.failed is not None
        assert request.failed[0] == State.PURGED
        assert connection.execute(select(func.count()).select_from(CERTIFICATE)).scalar() == 0
    with pytest.raises(CheckFailedError):
        execute.erase(workspace, [])
    kept.unlink()
    done = execute.erase(workspace, ids)
    assert certified(workspace, done.certificate).checks


def test_a_trace_in_the_database_is_found(workspace: Workspace, approve: Approve, people: pd.DataFrame) -> None:
    with workspace.vault.transaction() as connection:
        size = journal.size(connection)
        connection.execute(insert(LOG_LEAF).values(idx=size, entry=f"asked: {people['note'][0]}".encode()))
    with pytest.raises(CheckFailedError, match="database"):
        execute.erase(workspace, approve(workspace, 71001))


def test_an_unfinished_batch_comes_first_whatever_is_asked(workspace: Workspace, approve: Approve) -> None:
    ids, others = approve(workspace, 71001), approve(workspace, 71014)
    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, ids, stop_at(State.SHREDDED))
    done = execute.erase(workspace, others)
    with workspace.vault.transaction() as connection:
        assert {request.state for request in requests.every(connection)} == {State.CLOSED}
        assert connection.execute(select(func.count()).select_from(CERTIFICATE)).scalar() == 2
    assert [request.id for request in done.requests] == others


@pytest.mark.parametrize("state", STEPS[:-1])
def test_while_a_batch_is_cut_short_requests_wait_and_copies_are_not_made(
    workspace: Workspace, approve: Approve, people: pd.DataFrame, state: State
) -> None:
    """A model that is trained now would keep whom the certificate will call erased."""
    ids = approve(workspace, 71001)
    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, ids, stop_at(state))
    waiting = intake.submit(workspace, "71014", Law.GDPR)
    assert waiting.state is State.IDENTIFIED
    raw = read_frame(people)
    table = checked(raw, declare(raw.names, subject="patient", target="sick"))
    for act in (
        lambda: decide.approve(workspace, waiting.id),
        lambda: models.train(workspace, "late", "visits", "ridge"),
        lambda: data.add(workspace, "late", table),
        lambda: data.confirm(workspace, "visits"),
    ):
        with pytest.raises(WorkspaceBusyError, match="expunge erase"):
            act()
    assert data.show(workspace, "visits").schema.subject_kind == "int"
    features = people.drop(columns=["sick", "patient"])
    assert len(models.predict(workspace, "ridge", read_frame(features))) == len(people)
    execute.erase(workspace, ids)
    assert decide.approve(workspace, waiting.id).state is State.APPROVED


@pytest.mark.parametrize("state", STEPS)
def test_a_batch_that_was_stopped_goes_on(
    workspace: Workspace, approve: Approve, certified: Certified, state: State
) -> None:
    ids = approve(workspace, 71001)
    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, ids, stop_at(state))
    seen: list[State] = []
    done = execute.erase(workspace, ids, seen.append)
    assert seen == list(STEPS[STEPS.index(state) + 1 :])
    assert certified(workspace, done.certificate)
    with workspace.vault.transaction() as connection:
        assert connection.execute(select(func.count()).select_from(ROOT)).scalar() == 2


def test_what_is_not_approved_is_not_erased(workspace: Workspace, approve: Approve) -> None:
    planned = intake.submit(workspace, "71014", Law.GDPR)
    before = everybody(workspace)
    with pytest.raises(IllegalMoveError, match=f"expunge request approve {planned.id}"):
        execute.erase(workspace, [*approve(workspace, 71001), planned.id])
    with pytest.raises(NotFoundError):
        execute.erase(workspace, ["R-none"])
    assert everybody(workspace) == before
    with workspace.vault.transaction() as connection:
        assert batches.unfinished(workspace, connection) is None


def test_due_requests_are_those_that_are_approved_and_due(
    workspace: Workspace, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def due_within(days: int, today: date) -> list[str]:
        monkeypatch.setattr(clock, "today", lambda: today)
        return execute.due_within(workspace, days)

    early = intake.submit(workspace, "71001", Law.GDPR, datetime(2026, 9, 1, tzinfo=UTC))
    assert due_within(0, date(2026, 10, 1)) == []
    approved = approve(workspace, 71014)
    with workspace.vault.transaction() as connection:
        due = requests.load(connection, approved[0]).due
        requests.move(workspace, connection, early, State.APPROVED, approver="owner")
    assert due_within(0, date(2026, 9, 30)) == []
    assert due_within(1, date(2026, 9, 30)) == [early.id]
    assert due_within(0, due) == [early.id, approved[0]]
    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, approved, stop_at(State.SHREDDED))
    assert due_within(0, date(2026, 9, 30)) == approved


def test_every_step_is_logged_once_for_every_request(workspace: Workspace, approve: Approve) -> None:
    ids = approve(workspace, 71001, 71014)
    execute.erase(workspace, ids)
    with workspace.vault.transaction() as connection:
        log = b"\n".join(journal.entries(connection)).decode()
    for state in STEPS:
        for request in ids:
            entries = [line for line in log.splitlines() if f'"request {state}"' in line and request in line]
            assert len(entries) == 1, state
    assert "71001" not in log


def test_commitments_that_left_are_those_of_the_people(
    workspace: Workspace, approve: Approve, certified: Certified
) -> None:
    with workspace.vault.transaction() as connection:
        refs = subjects.everywhere(workspace.vault, connection, [71001, 71014])
        (dataset,) = data.every(workspace, connection)
        held = members.commitments(connection, dataset.id)
    done = execute.erase(workspace, approve(workspace, 71001, 71014))
    copy = copies(certified(workspace, done.certificate))["visits"]
    assert set(copy.members.left) == {held[ref].hex() for ref in refs}
