"""Seeds of models, and their renewal by a full retrain.

Exactness is for a fixed seed; somebody who sees models and then chooses whose erasure to ask for may learn what depends
on it (arXiv 2106.04378, 2210.08911). So a seed is renewed now and then: the model is trained afresh on its own members
under the next seed, and nothing of the old version is kept.

Invariants
----------
- A renewal changes no membership: the members root of the new version is that of the old one.
- Staged and swapped in one transaction: a kill leaves the old version or the new one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from sqlalchemy import Connection, Row, update

from expunge.access.actions import Action
from expunge.access.policy import Policy
from expunge.datasets import Table
from expunge.domain.report import Verdict
from expunge.errors import CheckFailedError
from expunge.vault import blobs, subjects
from expunge.vault.database import MODEL, truncate_wal
from expunge.vault.store import now
from expunge.verification.replay import replay
from expunge.workspace import journal, members, models, register
from expunge.workspace.folder import Workspace
from expunge.workspace.register import Model, Place
from expunge.workspace.underway import refuse_while_erasing

ROTATED: Final = "seed rotated"
"""Why there is a version, in the register and in the log."""


def is_due(policy: Policy, seeded: str) -> bool:
    """Tell whether a seed is as old as the policy lets it become.

    Examples
    --------
    >>> is_due(Policy(rotate_days=90), "2020-01-01T00:00:00Z"), is_due(Policy(), "2020-01-01T00:00:00Z")
    (True, False)
    """
    age = datetime.now(UTC) - datetime.fromisoformat(seeded)
    return policy.rotate_days > 0 and age >= timedelta(days=policy.rotate_days)


def due(workspace: Workspace) -> list[str]:
    """Return the names of the published models whose seed is to be renewed."""
    workspace.authorise(Action.MODEL_ROTATE)
    with workspace.vault.transaction() as connection:
        return [
            model.name
            for model in register.every(connection)
            if model.version is not None and is_due(workspace.policy, model.seeded)
        ]


def rotate(workspace: Workspace, name: str) -> Model:
    """Renew a model's seed: train it afresh on its members, replay that once, publish it, destroy the old version.

    Raises
    ------
    WorkspaceBusyError
        Where an erasure is not finished.
    NotFoundError
        Where the model was retired.
    CheckFailedError
        Where the replay gives another state, or the rows are not those of the members; nothing is changed then.
    """
    workspace.authorise(Action.MODEL_ROTATE)
    with journal.recording(workspace):
        with workspace.vault.transaction() as connection:
            refuse_while_erasing(connection)
            row = register.by_name(connection, name)
            old = register.current(connection, row.id)
            table = models.training_rows(
                workspace, models.usable(workspace, connection, row.dataset_id), row.id, row.held_out
            )
            _refuse_other_members(workspace, connection, row, table)
            _renew(workspace, connection, old, table, row.seed + 1)
        with workspace.vault.transaction() as connection:
            blobs.collect(workspace.vault, connection)
        truncate_wal(workspace.vault.engine)
    return models.seen(workspace, name)


def _renew(workspace: Workspace, connection: Connection, old: register.Version, table: Table, seed: int) -> None:
    model = old.model_id
    learner, seconds = models.fit(workspace, connection, model, table, seed)
    again = models.unfitted(workspace, connection, model, table, seed)
    found = replay(again, table.features(), table.target(), table.subjects, learner.digest())
    if found.check.verdict is not Verdict.PASSED:
        raise CheckFailedError(
            f"model {model}: {found.check.detail}", mend="Nothing was changed. The learner is not deterministic here."
        )
    held = members.version_roots(connection, model)[-1]
    register.discard(connection, old)
    made = register.store(
        workspace,
        connection,
        learner,
        Place(model, old.version + 1, register.CURRENT, seed=seed),
        register.costs_of(learner, seconds),
    )
    members.new_version(connection, model, made.version, held.root, held.members, ROTATED)
    publish(connection, model, made.version, seed, now())
    journal.append(workspace, connection, ROTATED, object=model, version=made.version, seed=seed)


def publish(connection: Connection, model: str, version: int, seed: int, since: str) -> None:
    """Note which version of a model is published, and its seed."""
    connection.execute(update(MODEL).where(MODEL.c.id == model).values(version=version, seed=seed, seeded=since))


def _refuse_other_members(workspace: Workspace, connection: Connection, row: Row[Any], table: Table) -> None:
    """Refuse rows of anybody but the members: what is retrained is the same model under another seed."""
    people = np.unique(table.subjects).tolist()
    refs = set(subjects.find(workspace.vault, connection, row.dataset_id, people).values())
    if refs != members.commitments(connection, row.id).keys():
        raise CheckFailedError(
            f"model {row.name!r} would be trained on others than its members.",
            mend="Nothing was changed. Train a new model under another name.",
        )
