"""Seeds are renewed by a full retrain that changes nobody's membership and leaves nothing of the old version."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from expunge.access.policy import Policy
from expunge.domain.report import Check, Verdict
from expunge.domain.request import Law
from expunge.errors import CheckFailedError, KeyDestroyedError, NotFoundError, WorkspaceBusyError
from expunge.vault import subjects
from expunge.vault.database import MEMBER, MODEL, REQUEST
from expunge.verification.replay import Replay
from expunge.workspace import data, journal, members, models, register, seeds
from expunge.workspace.folder import Workspace, open_workspace

LONG_AGO = "2020-01-01T00:00:00Z"


def state(workspace: Workspace, model: str = "ridge") -> dict[str, Any]:
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, model)
        version = register.current(connection, row.id)
        facts = register.open_facts(workspace, connection, version)
        learner = register.open_learner(workspace, connection, version)
        return {
            "row": row,
            "version": version,
            "facts": facts,
            "key": bytes(learner.key),
            "digest": learner.digest(),
            "roots": members.version_roots(connection, row.id),
            "members": members.commitments(connection, row.id),
        }


def age(workspace: Workspace, *names: str) -> None:
    with workspace.vault.transaction() as connection:
        connection.execute(update(MODEL).where(MODEL.c.name.in_(names)).values(seeded=LONG_AGO))


def rotating(workspace: Workspace, days: int = 365) -> Workspace:
    (workspace.folder / "policy.json").write_bytes(replace(workspace.policy, rotate_days=days).to_json())
    return open_workspace(workspace.folder)


def test_a_renewal_is_a_retrain_under_another_key_with_the_same_members(workspace: Workspace) -> None:
    before = state(workspace)
    found = seeds.rotate(workspace, "ridge")
    after = state(workspace)
    assert (found.version, found.seed, after["facts"].seed) == (2, 2, 2)
    assert (before["facts"].seed, before["key"] == after["key"]) == (1, False)
    assert after["members"] == before["members"]
    assert [(one.version, one.root, one.why) for one in after["roots"]] == [
        (1, before["roots"][0].root, "made"),
        (2, before["roots"][0].root, "seed rotated"),
    ]
    assert after["digest"] == after["facts"].learned
    assert after["facts"].nonce != before["facts"].nonce
    with workspace.vault.transaction() as connection:
        log = [json.loads(entry) for entry in journal.entries(connection)]
        table = models.usable(workspace, connection, after["row"].dataset_id)
        training = models.training_rows(workspace, table, after["row"].id, after["row"].held_out)
        refit, _ = models.fit(workspace, connection, after["row"].id, training)
    assert refit.digest() == after["digest"]
    assert bytes(refit.key) == after["key"]
    assert log[-1] | {"at": ""} == {
        "event": "seed rotated",
        "at": "",
        "actor": "owner",
        "policy": workspace.policy.version,
        "object": after["row"].id,
        "version": 2,
        "seed": 2,
    }


def test_nothing_of_the_old_version_is_left(workspace: Workspace) -> None:
    old = state(workspace)["version"]
    seeds.rotate(workspace, "ridge")
    assert not {path.name for path in workspace.vault.blobs.iterdir()}.intersection(old.blobs)
    with workspace.vault.transaction() as connection, pytest.raises(KeyDestroyedError):
        register.open_learner(workspace, connection, old)


def test_the_first_seed_keeps_the_key_of_states_that_know_no_seeds(workspace: Workspace) -> None:
    model = state(workspace)["row"].id
    assert register.learner_key(workspace, model, 1) == workspace.vault.derive(f"learner|{model}")
    keys = {register.learner_key(workspace, model, seed) for seed in range(1, 50)}
    assert len(keys) == 49


def test_what_is_due_is_as_old_as_the_policy_lets_it_become(workspace: Workspace) -> None:
    age(workspace, "ridge")
    assert seeds.due(workspace) == []
    strict = rotating(workspace)
    assert seeds.due(strict) == ["ridge"]
    seeds.rotate(strict, "ridge")
    assert seeds.due(strict) == []
    assert not seeds.is_due(Policy(rotate_days=0), LONG_AGO)


def test_a_kill_before_the_swap_leaves_the_old_version(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(workspace)
    files = {path.name for path in workspace.vault.blobs.iterdir()}

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(seeds, "publish", dies)
        with pytest.raises(KeyboardInterrupt):
            seeds.rotate(workspace, "ridge")
    after = state(workspace)
    assert (after["version"], after["digest"], after["roots"]) == (before["version"], before["digest"], before["roots"])
    assert {path.name for path in workspace.vault.blobs.iterdir()} > files
    seeds.rotate(workspace, "ridge")  # which also removes what the kill left
    assert len(list(workspace.vault.blobs.iterdir())) == len(files)


def test_another_state_in_the_replay_changes_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(workspace)

    def differs(*given: Any) -> Replay:
        return Replay(Check("replay", Verdict.FAILED, "A full retrain gave another learned state."), given[0], "", 0.0)

    monkeypatch.setattr(sys.modules["expunge.workspace.seeds"], "replay", differs)
    with pytest.raises(CheckFailedError, match="another learned state"):
        seeds.rotate(workspace, "ridge")
    assert state(workspace)["version"] == before["version"]


def test_others_than_the_members_are_not_trained_on(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        model = register.by_name(connection, "ridge").id
        ref = next(iter(members.commitments(connection, model)))
        connection.execute(MEMBER.delete().where(MEMBER.c.object_id == model, MEMBER.c.ref == ref))
    with pytest.raises(CheckFailedError, match="others than its members"):
        seeds.rotate(workspace, "ridge")


def test_a_renewal_waits_for_an_erasure_and_knows_no_retired_model(workspace: Workspace) -> None:
    with pytest.raises(NotFoundError):
        seeds.rotate(workspace, "nothing")
    from expunge.erasure import intake  # noqa: PLC0415

    request = intake.submit(workspace, "71001", Law.GDPR)
    with workspace.vault.transaction() as connection:
        connection.execute(update(REQUEST).where(REQUEST.c.id == request.id).values(batch="B-1"))
    with pytest.raises(WorkspaceBusyError):
        seeds.rotate(workspace, "ridge")
    with pytest.raises(WorkspaceBusyError):
        models.set_replay(workspace, "ridge", "sampled")


def test_a_rotated_model_still_knows_its_members_by_id(workspace: Workspace, tmp_path: Path) -> None:
    seeds.rotate(workspace, "ridge")
    found = state(workspace)
    with workspace.vault.transaction() as connection:
        held = register.open_learner(workspace, connection, found["version"]).subjects_held()
        refs = subjects.find(workspace.vault, connection, found["row"].dataset_id, held)
        assert set(refs.values()) == found["members"].keys()
        assert data.every(workspace, connection)
