"""verified: every staged model is replayed from raw rows, as its policy says, and measured on held-out people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from expunge.certificates.statement import REPLAY
from expunge.datasets import Table
from expunge.domain.plan import Method
from expunge.domain.report import Check, Verdict
from expunge.erasure import batch as batches
from expunge.erasure import guard
from expunge.erasure.batch import Batch
from expunge.errors import CheckFailedError
from expunge.verification.replay import Replay, is_sampled, replay
from expunge.verification.utility import utility
from expunge.workspace import models, register
from expunge.workspace.folder import Workspace
from expunge.workspace.register import Version

if TYPE_CHECKING:
    from expunge.learners.base import Learner

SAMPLED: Final = "sampled"

_STOPS: Final = frozenset({Verdict.FAILED.value, Verdict.NOT_COMPARABLE.value})
"""A state that was staged elsewhere is as little shown to be right as one that failed: it is staged afresh, here."""


def commit(workspace: Workspace, connection: Connection, batch: Batch) -> None:
    """Run the checks and note them; a failed one stops the batch before anything is shredded.

    Raises
    ------
    CheckFailedError
        Naming the model and the check.
    """
    bases = {register.by_id(connection, copy["object"]).dataset_id for copy in batch.touched("model")}
    tables = {dataset: models.usable(workspace, connection, dataset, batch.forgotten) for dataset in sorted(bases)}
    for copy in batch.touched("model"):
        entry = batch.evidence["copies"][copy["object"]]
        if entry["method"] != Method.RETIRE.value:
            _verify(workspace, connection, batch, copy, tables)
        for check in entry["checks"]:
            if check["verdict"] in _STOPS:
                raise CheckFailedError(
                    f"model {copy['name']!r}: check {check['name']}: {check['verdict']}. {check['detail']}",
                    mend="Nothing was shredded. Mend the cause, then give the command again: it stages afresh.",
                )
    batches.save(workspace, connection, batch)


def _verify(
    workspace: Workspace, connection: Connection, batch: Batch, copy: dict[str, Any], tables: dict[str, Table]
) -> None:
    model = copy["object"]
    row = register.by_id(connection, model)
    remaining, entry = tables[row.dataset_id], batch.evidence["copies"][model]
    staged = register.version_with(connection, model, register.STAGED)
    if staged is None:
        raise CheckFailedError(f"model {model} has no staged version.", mend="Give the command again.")
    learner = register.open_learner(workspace, connection, staged)
    entry["environment"] = dict(learner.environment)
    served = {
        "before": register.open_served(workspace, connection, register.current(connection, model)),
        "after": register.open_served(workspace, connection, staged),
    }
    found: dict[str, Any] = {"replayed": None, "verified_served": served["after"].digest()}
    reason = not_replayed(workspace, row.replay, batch.id, model)
    if reason is None:
        training = models.training_rows(workspace, remaining, model, row.held_out)
        refit = _replayed(workspace, connection, staged, learner, training)
        served["retrained"], found["replayed"] = refit.learner.serve(), refit.digest
        entry["full_retrain"], first = f"{refit.seconds:.6f}", refit.check
    else:
        found["not_replayed"], rate = reason, f"{workspace.policy.replay_rate:g}"
        entry["full_retrain"] = copy["refit_seconds"]
        first = Check(REPLAY, Verdict.NOT_RUN, f"Not run: {reason}.", {"rate": rate} if row.replay == SAMPLED else {})
    batch.sealed["digests"][model] |= found
    held = models.held_out_rows(workspace, remaining, model, row.held_out)
    useful = utility(
        served,
        remaining.features()[held],
        remaining.target()[held],
        remaining.subjects[held],
        workspace.vault.derive(f"bootstrap|{model}"),
    )
    entry["checks"] = [first.to_dict(), useful.to_dict()]
    entry["guard"] = guard.measured(workspace.policy.utility_drop, useful)


def not_replayed(workspace: Workspace, policy: str, batch: str, model: str) -> str | None:
    """Return why a model is not replayed in a batch, or None where it is."""
    if policy == "on-demand":
        return "this model is replayed on demand; `expunge certificate replay` does it"
    key, rate = workspace.vault.derive("replay sample"), workspace.policy.replay_rate
    if policy == SAMPLED and not is_sampled(key, batch, model, rate):
        return f"a keyed choice replays {rate:g} of this model's batches, and not this one"
    return None


def _replayed(
    workspace: Workspace, connection: Connection, staged: Version, learner: Learner, training: Table
) -> Replay:
    """Fit a model again from raw remaining rows, under the seed of what is staged."""
    facts = register.open_facts(workspace, connection, staged)
    return replay(
        models.unfitted(workspace, connection, staged.model_id, training, facts.seed),
        training.features(),
        training.target(),
        training.subjects,
        learner.digest(),
        learner.environment,
    )
