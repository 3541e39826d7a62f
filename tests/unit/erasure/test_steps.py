"""Single rules of the steps that fresh eyes asked about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import delete, select

from expunge.certificates.verify import Verified
from expunge.domain.guarantee import Empirical
from expunge.domain.plan import Method
from expunge.domain.report import Verdict
from expunge.domain.request import Law, Outcome, State
from expunge.domain.schema import Kind
from expunge.erasure import batch as batches
from expunge.erasure import decide, execute, intake
from expunge.erasure.replay import replay_certificate
from expunge.errors import CheckFailedError, IllegalMoveError, InputError, PolicyError
from expunge.learners.exact import RidgeClassifier
from expunge.vault import subjects
from expunge.vault.database import BATCH, MEMBER
from expunge.verification.remanence import Needles
from expunge.workspace import data, models, register
from expunge.workspace.folder import Workspace, open_workspace

Approve = Callable[..., list[str]]
Certified = Callable[[Workspace, str | None], Verified]
Make = Callable[..., Workspace]
Acting = Callable[..., Workspace]


def table(target: object, **columns: object) -> pd.DataFrame:
    size = 60
    frame = {"patient": np.arange(70_000, 70_000 + size), "age": np.arange(20.0, 20.0 + size), **columns}
    return pd.DataFrame({**frame, "sick": target})


def methods(verified: Verified) -> dict[str, Method]:
    return {copy.name: copy.method for copy in verified.statement.copies}


def trained_on(workspace: Workspace, model: str) -> list[int]:
    with workspace.vault.transaction() as connection:
        version = register.current(connection, register.by_name(connection, model).id)
        return [int(one) for one in register.open_learner(workspace, connection, version).subjects_held()]


def test_a_model_outlives_a_class_where_others_remain(make: Make, approve: Approve, certified: Certified) -> None:
    target = np.array(["low", "high"], dtype=object)[np.arange(60) % 2]
    rare = trained_on(make(table(target), confirm=True), "ridge")[0]
    target[rare - 70_000] = "rare"
    workspace = make(table(target), confirm=True)
    done = execute.erase(workspace, approve(workspace, rare))
    assert methods(certified(workspace, done.certificate))["ridge"] is Method.REFIT
    assert rare not in trained_on(workspace, "ridge")


def test_the_task_does_not_change_when_somebody_leaves(make: Make, approve: Approve, certified: Certified) -> None:
    target = (np.arange(60) % 2).astype(float)
    target[7] = 0.5
    workspace = make(table(target), confirm=False)
    done = execute.erase(workspace, approve(workspace, 70_007))
    assert done.requests[0].state is State.CLOSED
    assert data.show(workspace, "visits").schema["sick"].kind is Kind.NUMERIC
    assert certified(workspace, done.certificate)


@pytest.mark.parametrize("text", ["2026", "today", "dr.miller", "a0b1c", "records", "12345", "auditor", "mayor"])
def test_what_this_software_writes_itself_is_no_trace(make: Make, approve: Approve, acting: Acting, text: str) -> None:
    notes = np.array([f"note {number}" for number in range(60)], dtype=object)
    notes[7] = datetime.now().astimezone().date().isoformat() if text == "today" else text
    workspace = make(table(np.arange(60) % 2, note=notes), confirm=True, roles=("note=free-text",))
    miller = acting(workspace, "dr.miller", "privacy_officer")
    acting(workspace, "mayor", "auditor")
    done = execute.erase(workspace, approve(miller, 70_007))
    assert done.requests[0].outcome is Outcome.ERASED


def test_an_id_that_equals_a_count_is_no_trace() -> None:
    needles = Needles(frozenset({16131}), frozenset())
    assert not needles.found_in(b'{"figures": {"records": "16131", "full_retrain_seconds": "0.0123"}}')
    assert not needles.found_in(b'{"members":16131,"arrays":[["sums",[16131,25]]]}')
    assert needles.found_in(b'{"patient": "16131"}')


def test_a_policy_that_changed_since_needs_approval_again(
    workspace: Workspace, approve: Approve, acting: Acting
) -> None:
    ids = approve(workspace, 71_001)
    path = workspace.folder / "policy.json"
    path.write_bytes(path.read_bytes().replace(b'"four_eyes": false', b'"four_eyes": true'))
    other = acting(workspace, "eve", "privacy_officer")
    ((request, why),) = execute.erase(other, ids).sent_back
    assert request.state is State.PLANNED
    assert "policy changed" in why


def test_four_eyes_are_still_two_after_the_policy_changed(workspace: Workspace, approve: Approve) -> None:
    ids = approve(workspace, 71_001)
    path = workspace.folder / "policy.json"
    path.write_bytes(path.read_bytes().replace(b'"four_eyes": false', b'"four_eyes": true'))
    with pytest.raises(PolicyError, match="four eyes"):
        execute.erase(open_workspace(workspace.folder), ids)


def test_somebody_whom_the_register_forgot_is_found_past_it(workspace: Workspace, approve: Approve) -> None:
    person = trained_on(workspace, "ridge")[0]
    with workspace.vault.transaction() as connection:
        model = register.by_name(connection, "ridge").id
        (ref,) = subjects.everywhere(workspace.vault, connection, [person])
        connection.execute(delete(MEMBER).where(MEMBER.c.object_id == model, MEMBER.c.ref == ref))
    with pytest.raises(CheckFailedError, match="ridge"):
        execute.erase(workspace, approve(workspace, person))


def test_the_digest_of_the_version_before_is_kept_nowhere(
    workspace: Workspace, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    with workspace.vault.transaction() as connection:
        before = [
            register.open_facts(workspace, connection, register.current(connection, model.id)).learned
            for model in register.every(connection)
        ]
    ids = approve(workspace, 71_001)

    def stop(state: State) -> None:
        if state is State.SHREDDED:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, ids, stop)
    with workspace.vault.transaction() as connection:
        batch = batches.load(workspace, connection, connection.execute(select(BATCH.c.id)).scalar_one())
    assert not [digest for digest in before if digest in str(batch)]


def test_a_batch_that_cannot_go_on_is_given_up_while_nothing_is_shredded(
    workspace: Workspace, approve: Approve, certified: Certified, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = approve(workspace, 71_001, 71_014)

    def fails(*_: object, **__: object) -> None:
        raise CheckFailedError("the model is broken.", mend="Mend it.")

    with monkeypatch.context() as broken:
        broken.setitem(execute.WORK, State.VERIFIED, execute.Step(fails))
        with pytest.raises(CheckFailedError):
            execute.erase(workspace, [one, two])
    assert {request.state for request in execute.give_up(workspace, two)} == {State.PLANNED}
    decide.refuse(workspace, two, "12(5)")
    decide.approve(workspace, one)
    done = execute.erase(workspace, [one])
    assert [request.outcome for request in done.requests] == [Outcome.ERASED]
    assert len(certified(workspace, done.certificate).statement.requests) == 1


@pytest.mark.parametrize("last", [State.SHREDDED, State.CHECKED])
def test_a_batch_is_not_given_up_once_the_keys_are_gone(workspace: Workspace, approve: Approve, last: State) -> None:
    ids = approve(workspace, 71_001)

    def stop(state: State) -> None:
        if state is last:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        execute.erase(workspace, ids, stop)
    with pytest.raises(IllegalMoveError, match="only go forward"):
        execute.give_up(workspace, ids[0])
    assert execute.erase(workspace, ids).certificate


def test_where_nothing_is_on_its_way_there_is_nothing_to_give_up(workspace: Workspace, approve: Approve) -> None:
    with pytest.raises(IllegalMoveError, match="no erasure"):
        execute.give_up(workspace, approve(workspace, 71_001)[0])


def test_a_batch_that_no_certificate_could_hold_is_refused_while_nothing_is_gone(
    workspace: Workspace, approve: Approve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "MAX_BYTES", 1000)
    ids = approve(workspace, 71_001)
    with pytest.raises(InputError, match="smaller batches"):
        execute.erase(workspace, ids)
    monkeypatch.undo()
    assert execute.erase(workspace, ids).certificate


def test_a_model_is_not_exported_into_the_workspace(workspace: Workspace) -> None:
    for inside in (workspace.folder / "out", workspace.keys, workspace.folder):
        with pytest.raises(InputError, match="inside the workspace"):
            models.export(workspace, "ridge", inside)


def test_white_space_around_an_id_is_nobody_else(workspace: Workspace) -> None:
    assert intake.submit(workspace, " 71001 ", Law.GDPR).state is State.PLANNED


def test_days_are_those_of_the_place_where_the_request_came_in(workspace: Workspace) -> None:
    evening = datetime(2026, 1, 31, 17, tzinfo=ZoneInfo("America/Los_Angeles"))
    assert intake.submit(workspace, "71001", Law.CCPA, evening).due.isoformat() == "2026-03-17"


def test_an_older_certificate_of_a_model_that_was_retired_since_is_not_called_false(
    make: Make, approve: Approve
) -> None:
    target = np.array(["no"] * 60, dtype=object)
    held = trained_on(make(table(np.arange(60) % 2), confirm=True), "ridge")
    target[held[0] - 70_000] = "yes"
    workspace = make(table(target), confirm=True)
    first = execute.erase(workspace, approve(workspace, held[1]))
    execute.erase(workspace, approve(workspace, held[0]))
    found = replay_certificate(workspace, workspace.certificates / f"{first.certificate}.json")
    assert {one.verdict for one in found} == {Verdict.NOT_RUN}


def test_a_learner_that_is_not_exact_is_refused_where_the_floor_is(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RidgeClassifier, "guarantee", Empirical("membership inference"))
    with pytest.raises(InputError, match="the policy asks for: exact"):
        models.train(workspace, "other", "visits", "ridge")
    with workspace.vault.transaction() as connection:
        assert "other" not in {model.name for model in register.every(connection)}


def test_an_export_is_named_though_the_model_is_retired(
    make: Make, approve: Approve, certified: Certified, tmp_path_factory: pytest.TempPathFactory
) -> None:
    target = np.array(["no"] * 60, dtype=object)
    held = trained_on(make(table(np.arange(60) % 2), confirm=True), "ridge")
    target[[held[0] - 70_000, held[1] - 70_000]] = "yes"
    workspace = make(table(target), confirm=True)
    models.export(workspace, "ridge", tmp_path_factory.mktemp("out"))
    done = execute.erase(workspace, approve(workspace, held[0], held[1]))
    assert methods(certified(workspace, done.certificate))["ridge"] is Method.RETIRE
    later = execute.erase(workspace, approve(workspace, held[2]))
    assert "was exported" in " ".join(certified(workspace, later.certificate).statement.residuals)
