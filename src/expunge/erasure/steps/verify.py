"""verified: every staged model is replayed from raw rows, or judged, as its policy says, and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection

from expunge.certificates.statement import REPLAY
from expunge.datasets import Table
from expunge.domain.guarantee import Certified, Empirical, Exact, Guarantee
from expunge.domain.plan import Method
from expunge.domain.report import Check, Verdict
from expunge.erasure import batch as batches
from expunge.erasure import guard
from expunge.erasure.batch import Batch
from expunge.erasure.steps import judge as judges
from expunge.erasure.steps.unlearn import note_staged
from expunge.errors import CheckFailedError
from expunge.verification.replay import Replay, is_sampled, replay
from expunge.verification.unlearning import Judgement
from expunge.verification.utility import utility
from expunge.workspace import data, models, register
from expunge.workspace.folder import Workspace
from expunge.workspace.register import Version

if TYPE_CHECKING:
    from expunge.learners.base import Learner

SAMPLED: Final = "sampled"
NO_EQUALITY: Final = "its guarantee is no equality with a refit, which would be another model"

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
        entries = batch.evidence["copies"]
        if entries[copy["object"]]["method"] != Method.RETIRE.value:
            _verify(workspace, connection, batch, copy, tables)
        for check in entries[copy["object"]]["checks"]:
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
    remaining = tables[row.dataset_id]
    reason = not_replayed(workspace, row.replay, batch.id, model)
    found = None
    if reason is None and _is_approximate(workspace, connection, batch, model):
        found = _judged(workspace, connection, batch, model, remaining)
    staged = _staged(connection, model)
    learner = register.open_learner(workspace, connection, staged)
    entry, digests = batch.evidence["copies"][model], batch.sealed["digests"][model]
    entry["environment"] = dict(learner.environment)
    served = {
        "before": register.open_served(workspace, connection, register.current(connection, model)),
        "after": register.open_served(workspace, connection, staged),
    }
    digests |= {"replayed": None, "verified_served": served["after"].digest()}
    inexact = not isinstance(learner.guarantee, Exact) and Method(entry["method"]) is Method.FORGET
    if reason is None:
        training = models.training_rows(workspace, remaining, model, row.held_out)
        refit = _replayed(workspace, connection, staged, learner, training)
        served["retrained"], entry["full_retrain"] = refit.learner.serve(), f"{refit.seconds:.6f}"
        first = refit.check
        if not inexact:
            digests["replayed"] = refit.digest
    else:
        rate = f"{workspace.policy.replay_rate:g}"
        entry["full_retrain"] = copy["refit_seconds"]
        first = Check(REPLAY, Verdict.NOT_RUN, f"Not run: {reason}.", {"rate": rate} if row.replay == SAMPLED else {})
        digests["not_replayed"] = reason
    if inexact:
        first = Check(REPLAY, Verdict.NOT_RUN, f"Not run: {NO_EQUALITY}.", first.figures)
        digests["not_replayed"] = NO_EQUALITY
    held = models.held_out_rows(workspace, remaining, model, row.held_out)
    useful = utility(
        served,
        remaining.features()[held],
        remaining.target()[held],
        remaining.subjects[held],
        workspace.vault.derive(f"bootstrap|{model}"),
    )
    checks = [first, *_of_class(learner.guarantee, found, entry), useful]
    entry["checks"] = [check.to_dict() for check in checks]
    if inexact:
        entry["measured"] = judges.in_words(found)
    entry["guard"] = guard.measured(workspace.policy.utility_drop, useful)


def _is_approximate(workspace: Workspace, connection: Connection, batch: Batch, model: str) -> bool:
    """Tell whether what is staged was left by an Empirical method, and not by a refit."""
    facts = register.open_facts(workspace, connection, _staged(connection, model))
    method = Method(batch.evidence["copies"][model]["method"])
    return method is Method.FORGET and facts.guarantee["class"] == "empirical"


def _staged(connection: Connection, model: str) -> Version:
    staged = register.version_with(connection, model, register.STAGED)
    if staged is None:
        raise CheckFailedError(f"model {model} has no staged version.", mend="Give the command again.")
    return staged


def _of_class(guarantee: Guarantee, found: Judgement | None, entry: dict[str, Any]) -> list[Check]:
    """Return what a model is held to that did not forget exactly."""
    if isinstance(guarantee, Certified):
        return [judges.budget(guarantee)]
    if found is not None:
        return judges.stated(found)
    if isinstance(guarantee, Empirical) and Method(entry["method"]) is Method.FORGET:
        return [Check(f"{judges.PREFIX}effect", Verdict.NOT_RUN, "Not run: nothing was measured in this batch.")]
    return []


def _judged(
    workspace: Workspace, connection: Connection, batch: Batch, model: str, remaining: Table
) -> Judgement | None:
    """Judge what a method left of a model; where it fails, stage a refit in its place and return None."""
    before, staged = register.current(connection, model), _staged(connection, model)
    row, facts = register.by_id(connection, model), register.open_facts(workspace, connection, staged)
    held, kept = (set(register.open_learner(workspace, connection, one).subjects_held()) for one in (before, staged))
    gone = data.load(workspace, connection, row.dataset_id).only(held - kept)
    found = judges.judged(workspace, connection, model, staged, remaining, gone)
    if found is None or found.verdict.value not in _STOPS:
        return found
    training = models.training_rows(workspace, remaining, model, row.held_out)
    learner, seconds = models.fit(workspace, connection, model, training, facts.seed)
    register.discard(connection, staged)
    note_staged(workspace, connection, batch, before, learner, (Method.REFIT, seconds, facts.seed))
    batch.evidence["copies"][model]["instead"] = found.detail
    return None


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
