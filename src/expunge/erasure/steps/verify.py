"""verified: every staged model is replayed from raw rows, and measured on held-out people."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from expunge.datasets import Table
from expunge.domain.plan import Method
from expunge.domain.report import Verdict
from expunge.erasure import batch as batches
from expunge.erasure.batch import Batch
from expunge.errors import CheckFailedError
from expunge.verification.replay import replay
from expunge.verification.utility import utility
from expunge.workspace import data, models, register
from expunge.workspace.folder import Workspace

_STOPS: Final = frozenset({Verdict.FAILED.value, Verdict.NOT_COMPARABLE.value})
"""A state that was staged elsewhere is as little shown to be right as one that failed: it is staged afresh, here."""


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Run the checks and note them; a failed one stops the batch before anything is shredded.

    Raises
    ------
    CheckFailedError
        Naming the model and the check.
    """
    tables = {
        copy["object"]: data.load_remaining(workspace, connection, copy["object"], batch.refs)
        for copy in batch.touched("dataset")
    }
    for copy in batch.touched("model"):
        entry = batch.evidence["copies"][copy["object"]]
        if entry["method"] != Method.RETIRE.value:
            _verify(workspace, connection, batch, copy["object"], tables)
        for check in entry["checks"]:
            if check["verdict"] in _STOPS:
                raise CheckFailedError(
                    f"model {copy['name']!r}: check {check['name']}: {check['verdict']}. {check['detail']}",
                    mend="Nothing was shredded. Mend the cause, then give the command again: it stages afresh.",
                )
    batches.save(workspace, connection, batch)


def _verify(workspace: Workspace, connection: Connection, batch: Batch, model: str, tables: dict[str, Table]) -> None:
    row = register.by_id(connection, model)
    remaining, entry = tables[row.dataset_id], batch.evidence["copies"][model]
    training = models.training_rows(workspace, remaining, model, row.held_out)
    digests = batch.sealed["digests"][model]
    staged = register.version_with(connection, model, register.STAGED)
    if staged is None:
        raise CheckFailedError(f"model {model} has no staged version.", mend="Give the command again.")
    learner = register.open_learner(workspace, connection, staged)
    refit = replay(
        models.unfitted(workspace, connection, model, training),
        training.features(),
        training.target(),
        training.subjects,
        learner.digest(),
        learner.environment,
    )
    held = models.held_out_rows(workspace, remaining, model, row.held_out)
    served = {
        "before": register.open_served(workspace, connection, register.current(connection, model)),
        "after": register.open_served(workspace, connection, staged),
        "retrained": refit.learner.serve(),
    }
    digests |= {"replayed": refit.digest, "verified_served": served["after"].digest()}
    useful = utility(
        served,
        remaining.features()[held],
        remaining.target()[held],
        remaining.subjects[held],
        workspace.vault.derive(f"bootstrap|{model}"),
    )
    entry["checks"] = [refit.check.to_dict(), useful.to_dict()]
    entry["full_retrain"] = f"{refit.seconds:.6f}"
    entry["environment"] = learner.environment
