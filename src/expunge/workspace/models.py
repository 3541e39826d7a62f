"""Models in a workspace: trained, measured, asked, exported.

Invariants
----------
- Members of a model are its training subjects only; held-out subjects never reach it (DESIGN section 6).
- What a model was given beside the rows is the schema, read afresh from its own training rows where nobody declared it,
  the hyperparameters and the key: so a refit from raw rows can be compared by digest.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Row, func, insert, select, update

from expunge.access.actions import Action
from expunge.access.policy import CHOICES
from expunge.datasets import RawTable, Table, held_out, refreshed
from expunge.datasets.cast import cast_column
from expunge.domain.cost import Costs
from expunge.domain.guarantee import reaches
from expunge.domain.report import Check
from expunge.domain.schema import Kind, Schema
from expunge.errors import InputError, NotFoundError
from expunge.learners import registry
from expunge.learners.served import ServedModel
from expunge.vault import subjects
from expunge.vault.database import DATASET, EXPORT, MODEL
from expunge.vault.store import now, today
from expunge.verification.utility import score as measured
from expunge.workspace import data, journal, members, recipients, register, restrictions
from expunge.workspace.folder import Workspace
from expunge.workspace.reading import reading
from expunge.workspace.register import Model, Place
from expunge.workspace.underway import refuse_while_erasing

if TYPE_CHECKING:
    import pandas as pd

    from expunge.learners.base import Learner

SOON: Final = 60.0
"""Seconds: a model whose full retrain takes less is always replayed, unless it is said otherwise."""


def train(
    workspace: Workspace,
    name: str,
    dataset: str,
    learner: str,
    params: dict[str, Any] | None = None,
    replay: str | None = None,
) -> Model:
    """Train a model on everybody but the held-out subjects, and publish it.

    Parameters
    ----------
    replay : {"always", "sampled", "on-demand"}, optional
        Whether erasures from it are replayed; ``always`` where a full retrain is a matter of seconds, else by policy.

    Raises
    ------
    InputError
        Where the name is taken, the dataset has no target, or the learner does not fit the task, takes other parameters
        or guarantees less than the policy asks for.
    WorkspaceBusyError
        Where an erasure is not finished.
    """
    workspace.authorise(Action.MODEL_TRAIN)
    data.valid_name(name)
    if replay is not None:  # what a model is not asked to prove is not for whoever trains it to say
        workspace.authorise(Action.MODEL_SET_REPLAY)
        valid_replay(replay)
    if given := sorted({"schema", "key"} & set(params or {})):
        raise InputError(f"{given[0]!r} is no hyperparameter.", mend="The workspace gives every learner its own.")
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        refuse_while_erasing(connection)
        if connection.execute(select(MODEL.c.id).where(MODEL.c.name == name)).scalar() is not None:
            raise InputError(f"there is a model {name!r} already.", mend="Choose another name.")
        row = connection.execute(select(DATASET).where(DATASET.c.name == dataset)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no dataset {dataset!r}.", mend="See `expunge dataset list`.")
        number = connection.execute(select(func.count()).select_from(MODEL)).scalar_one() + 1
        model = workspace.opaque_id("M", number)
        share, made = workspace.policy.held_out, now()
        connection.execute(
            insert(MODEL).values(
                id=model,
                name=name,
                dataset_id=row.id,
                learner=learner,
                params=json.dumps(params or {}),
                held_out=share,
                version=1,
                created=made,
                seeded=made,
            )
        )
        table = training_rows(workspace, usable(workspace, connection, row.id), model, share)
        fitted, seconds = fit(workspace, connection, model, table)
        if not reaches(fitted.guarantee.to_dict(), floor := workspace.policy.guarantee_floor):
            raise InputError(
                f"learner {learner!r} guarantees: {fitted.guarantee}; the policy asks for: {floor}.",
                mend="Take a learner that reaches it, or change guarantee_floor in policy.json.",
            )
        chosen = replay or ("always" if seconds < SOON else workspace.policy.replay)
        connection.execute(update(MODEL).where(MODEL.c.id == model).values(replay=chosen))
        known = register.costs_of(fitted, seconds)
        register.store(workspace, connection, fitted, Place(model, 1, register.CURRENT), known)
        ids, counts = np.unique(table.subjects, return_counts=True)
        refs = subjects.find(workspace.vault, connection, row.id, ids.tolist())
        records = {refs[subject]: count for subject, count in zip(ids.tolist(), counts.tolist(), strict=True)}
        members.enter(workspace.vault, connection, model, refs, records)
        journal.append(workspace, connection, "model trained", object=model, subjects=len(refs))
    return seen(workspace, name)


def usable(workspace: Workspace, connection: Connection, dataset: str, gone: Collection[bytes] = ()) -> Table:
    """Decrypt the rows that models may use: of everybody but `gone`, and but those whose records are restricted."""
    return data.load_remaining(workspace, connection, dataset, {*gone, *restrictions.of_dataset(connection, dataset)})


def training_rows(workspace: Workspace, table: Table, model: str, share: float) -> Table:
    """Return the rows that a model learns from, with what nobody declared inferred from them alone."""
    held = held_out_rows(workspace, table, model, share)
    chosen = table.without(set(table.subjects[held].tolist()))
    return refreshed(chosen) if chosen.schema.inferred else chosen


def held_out_rows(workspace: Workspace, table: Table, model: str, share: float) -> npt.NDArray[np.bool_]:
    """Tell which rows a model is tested on: a keyed hash of each subject decides, whoever else is there."""
    return held_out(table.subjects.tolist(), workspace.vault.derive(f"held out|{model}"), share)


def fit(
    workspace: Workspace, connection: Connection, model: str, table: Table, seed: int | None = None
) -> tuple[Learner, float]:
    """Fit a fresh learner on raw rows; returns it with the seconds that it took until it could predict."""
    learner = unfitted(workspace, connection, model, table, seed)
    features, target = table.features(), table.target()
    learner.prepare()
    begin = time.perf_counter()
    learner.fit(features, target, subjects=table.subjects).serve()
    return learner, time.perf_counter() - begin


def unfitted(
    workspace: Workspace, connection: Connection, model: str, table: Table, seed: int | None = None
) -> Learner:
    """Make a model's learner as new: schema, hyperparameters and key are all that it is given.

    The key is that of the published version's seed, or of the seed of another number.
    """
    row = register.by_id(connection, model)
    target = table.schema.target
    if target is None:
        raise InputError("this dataset has no target column.", mend="Import it again with --target COL.")
    task: registry.Task = "regression" if target.kind is Kind.NUMERIC else "classification"
    key = register.learner_key(workspace, model, row.seed if seed is None else seed)
    return registry.create(row.learner, task, schema=table.schema, key=key, **json.loads(row.params))


def show(workspace: Workspace, name: str) -> Model:
    """Return a model by its name."""
    workspace.authorise(Action.MODEL_SHOW)
    return seen(workspace, name)


def costs(workspace: Workspace, name: str) -> Costs:
    """Return what fitting and forgetting a published model took, and what was predicted."""
    workspace.authorise(Action.MODEL_SHOW)
    with workspace.vault.transaction() as connection:
        version = register.current(connection, register.by_name(connection, name).id)
        return register.open_facts(workspace, connection, version).costs


def seen(workspace: Workspace, name: str) -> Model:
    """Return a model by its name to who was authorised to change it."""
    with workspace.vault.transaction() as connection:
        return register.describe(connection, register.by_name(connection, name))


def set_replay(workspace: Workspace, name: str, replay: str) -> Model:
    """Say whether erasures from a model are replayed: ``always``, ``sampled`` or ``on-demand``.

    Raises
    ------
    WorkspaceBusyError
        Where an erasure is not finished.
    """
    workspace.authorise(Action.MODEL_SET_REPLAY)
    valid_replay(replay)
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        refuse_while_erasing(connection)
        model = register.by_name(connection, name).id
        connection.execute(update(MODEL).where(MODEL.c.id == model).values(replay=replay))
        journal.append(workspace, connection, "replay policy set", object=model, replay=replay)
    return seen(workspace, name)


def valid_replay(replay: str) -> None:
    """Refuse a replay policy that there is not."""
    if replay not in CHOICES["replay"]:
        raise InputError(f"replay is {replay!r}.", mend=f"Choose one of: {', '.join(CHOICES['replay'])}.")


def score(workspace: Workspace, name: str) -> Check:
    """Measure the published model on its held-out people."""
    workspace.authorise(Action.MODEL_SHOW)

    def read(connection: Connection) -> tuple[Row[Any], ServedModel, Table]:
        row = register.by_name(connection, name)
        served = register.open_served(workspace, connection, register.current(connection, row.id))
        return row, served, usable(workspace, connection, row.dataset_id)

    row, served, table = reading(workspace, read)
    held = held_out_rows(workspace, table, row.id, row.held_out)
    seed = workspace.vault.derive(f"bootstrap|{row.id}")
    return measured(served, table.features()[held], table.target()[held], table.subjects[held], seed)


def predict(workspace: Workspace, name: str, raw: RawTable) -> pd.DataFrame:
    """Predict with the published model: column ``prediction``, and ``score`` for two classes, one per class for more.

    Raises
    ------
    InputError
        Where columns that the model wants are missing.
    """
    import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

    workspace.authorise(Action.MODEL_PREDICT)

    def read(connection: Connection) -> tuple[ServedModel, Schema]:
        row = register.by_name(connection, name)
        served = register.open_served(workspace, connection, register.current(connection, row.id))
        return served, data.load_schema(workspace, connection, row.dataset_id)

    served, schema = reading(workspace, read)
    cells = {column.name: column for column in raw.columns}
    if missing := [column.name for column in schema.features if column.name not in cells]:
        raise InputError(f"the file lacks columns {missing}.", mend="Give every column that the model learned from.")
    features = pd.DataFrame({column.name: cast_column(cells[column.name], column) for column in schema.features})
    answers = pd.DataFrame({"prediction": served.predict(features)})
    if served.classes is not None:
        scores = np.asarray(served.decision_function(features))
        if scores.ndim == 1:
            answers["score"] = scores
        else:
            for number, label in enumerate(served.classes):
                answers[f"score {label}"] = scores[:, number]
    return answers


def export(workspace: Workspace, name: str, folder: Path, to: str | None = None) -> list[str]:
    """Write the published model out; returns the names of its files, ``model.json`` among them.

    The copy is outside from then on: the log notes it, and certificates name it as a copy that they do not reach.

    Parameters
    ----------
    to : str, optional
        The recipient whom it is for: the register of recipients notes that it has the model.

    Raises
    ------
    InputError
        Where the folder is inside the workspace, and for a model that holds rows: its copies are copies of people.
    WorkspaceBusyError
        Where it is for a recipient, and an erasure is not finished: it knows whom it must be passed on to.
    """
    workspace.authorise(Action.MODEL_EXPORT)
    outside = folder.resolve()
    for inside in (workspace.folder, workspace.keys):
        if outside == inside or inside in outside.parents:
            raise InputError(f"{folder} is inside the workspace.", mend="Export to a folder outside it.")
    with journal.recording(workspace), workspace.vault.transaction() as connection:
        row = register.by_name(connection, name)
        version = register.current(connection, row.id)
        served = register.open_served(workspace, connection, version)
        if served.holds_rows:
            raise InputError(
                f"model {name!r} predicts from people's rows and holds them: it is not exported.",
                mend="Predict with `expunge model predict`, or train a learner that keeps no row.",
            )
        if to is not None:
            refuse_while_erasing(connection)
            recipients.note(workspace, connection, to, row.id, today().isoformat())
        served.save(folder)
        connection.execute(insert(EXPORT).values(model_id=row.id, version=version.version, at=now()))
        journal.append(workspace, connection, "model exported", object=row.id, version=version.version)
    return sorted(served.files)
