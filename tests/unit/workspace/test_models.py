"""Models: trained on members only, measured on the others, and refitted from raw rows to the same digest."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from expunge.datasets import checked, declare, read_frame
from expunge.domain.report import Verdict
from expunge.errors import InputError, NotFoundError
from expunge.learners.served import from_files
from expunge.vault import subjects
from expunge.workspace import data, journal, members, models, register
from expunge.workspace.folder import Workspace


def test_members_are_the_training_subjects_and_nobody_else(workspace: Workspace) -> None:
    for model in ("ridge", "additive"):
        with workspace.vault.transaction() as connection:
            row = register.by_name(connection, model)
            learner = register.open_learner(workspace, connection, register.current(connection, row.id))
            table = data.load(workspace, connection, row.dataset_id)
            out = set(table.subjects[models.held_out_rows(workspace, table, row.id, row.held_out)].tolist())
            everybody = set(table.subject_ids())
            refs = subjects.find(workspace.vault, connection, row.dataset_id, everybody)
            held = {one for one, ref in refs.items() if ref in members.commitments(connection, row.id)}
        assert set(learner.subjects_held()) == everybody - out == held
        assert 0.05 < len(out) / len(everybody) < 0.4


def test_a_subject_is_held_out_whoever_else_is_there(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, "ridge")
        table = data.load(workspace, connection, row.dataset_id)
    whole = models.held_out_rows(workspace, table, row.id, row.held_out)
    fewer = table.without(table.subject_ids()[:40])
    expected = [bool(out) for out, one in zip(whole, table.subjects, strict=True) if one in set(fewer.subjects)]
    assert models.held_out_rows(workspace, fewer, row.id, row.held_out).tolist() == expected


@pytest.mark.parametrize("model", ["ridge", "additive"])
def test_a_refit_from_raw_rows_has_the_same_digests(workspace: Workspace, model: str) -> None:
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, model)
        version = register.current(connection, row.id)
        facts = register.open_facts(workspace, connection, version)
        training = models.training_rows(
            workspace, data.load(workspace, connection, row.dataset_id), row.id, row.held_out
        )
        learner, seconds = models.fit(workspace, connection, row.id, training)
        served = register.open_served(workspace, connection, version)
    assert learner.digest() == facts.learned
    assert learner.serve().digest() == served.digest() == facts.served
    assert seconds > 0


def test_a_score_is_measured_on_held_out_people(workspace: Workspace) -> None:
    found = models.score(workspace, "ridge")
    assert found.verdict is not Verdict.FAILED
    assert 0.5 < float(found.figures["value"]) <= 1


def test_predictions_come_with_scores(workspace: Workspace, people: pd.DataFrame) -> None:
    answers = models.predict(workspace, "ridge", read_frame(people.drop(columns=["sick", "patient", "name", "note"])))
    assert list(answers.columns) == ["prediction", "score"]
    assert len(answers) == len(people)
    assert set(answers["prediction"]) <= {"yes", "no"}
    with pytest.raises(InputError, match=r"lacks columns \['ward'\]"):
        models.predict(workspace, "ridge", read_frame(people.drop(columns=["ward"])))


@pytest.mark.parametrize(
    ("name", "dataset", "learner", "params"),
    [
        ("ridge", "visits", "ridge", {}),
        ("a b", "visits", "ridge", {}),
        ("new", "none", "ridge", {}),
        ("new", "visits", "stump", {}),
        ("new", "visits", "ridge", {"depth": 3}),
        ("new", "visits", "ridge", {"alpha": -1.0}),
    ],
    ids=["taken", "no name", "no dataset", "no learner", "no such parameter", "a bad parameter"],
)
def test_what_cannot_be_trained_leaves_nothing(
    workspace: Workspace, name: str, dataset: str, learner: str, params: dict[str, float]
) -> None:
    with workspace.vault.transaction() as connection:
        size = journal.size(connection)
    with pytest.raises((InputError, NotFoundError)):
        models.train(workspace, name, dataset, learner, params)
    with workspace.vault.transaction() as connection:
        assert journal.size(connection) == size
        assert [model.name for model in register.every(connection)] == ["additive", "ridge"]


def test_a_dataset_without_a_target_trains_nothing(workspace: Workspace, people: pd.DataFrame) -> None:
    raw = read_frame(people.drop(columns="sick"))
    data.add(workspace, "bare", checked(raw, declare(raw.names, subject="patient")))
    with pytest.raises(InputError, match="target"):
        models.train(workspace, "new", "bare", "ridge")


def test_an_export_is_the_published_model_and_is_noted(workspace: Workspace, tmp_path: Path) -> None:
    models.export(workspace, "ridge", tmp_path / "out")
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert files.keys() == {"model.json", "arrays.npz"}
    with workspace.vault.transaction() as connection:
        row = register.by_name(connection, "ridge")
        facts = register.open_facts(workspace, connection, register.current(connection, row.id))
        assert [version for version, _ in register.exports(connection, row.id)] == [1]
        assert json.loads(journal.entries(connection)[-1])["event"] == "model exported"
    assert from_files(files).digest() == facts.served
    assert b"71001" not in b"".join(files.values())


def test_a_model_that_holds_rows_is_not_exported(workspace: Workspace, tmp_path: Path) -> None:
    models.train(workspace, "near", "visits", "k-neighbors")
    with pytest.raises(InputError, match=r"'near' predicts from people's rows and holds them: it is not exported\."):
        models.export(workspace, "near", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with workspace.vault.transaction() as connection:
        assert register.exports(connection, register.by_name(connection, "near").id) == []


def test_parameters_are_kept_and_used(workspace: Workspace) -> None:
    made = models.train(workspace, "stiff", "visits", "ridge", {"alpha": 1e6})
    assert made.params == {"alpha": 1e6}
    with workspace.vault.transaction() as connection:
        digests = {
            register.open_facts(workspace, connection, register.current(connection, model.id)).learned
            for model in register.every(connection)
        }
    assert len(digests) == 3


def test_an_unknown_model_is_not_found_and_the_known_are_named(workspace: Workspace) -> None:
    for act in (models.show, models.score):
        with pytest.raises(NotFoundError, match=r"'none'.*additive, ridge"):
            act(workspace, "none")
