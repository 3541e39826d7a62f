"""Pipelines in a workspace: trained by name, forgotten from as a whole, replayed, certified, asked about raw rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from expunge.certificates.verify import Verified
from expunge.datasets import read_frame
from expunge.domain.plan import Method
from expunge.domain.report import Verdict
from expunge.erasure import execute
from expunge.erasure.replay import replay_certificate
from expunge.errors import InputError
from expunge.workspace import models, register
from expunge.workspace.folder import Workspace

Approve = Callable[..., list[str]]
Certified = Callable[[Workspace, str | None], Verified]
Make = Callable[..., Workspace]

PIPELINES: dict[str, dict[str, Any]] = {
    "linear": {
        "steps": "fill,scale,words,learn",
        "fill": "SimpleImputer",
        "fill__strategy": "median",
        "scale": "StandardScaler",
        "words": "OneHotEncoder",
        "learn": "LogisticRegression",
        "learn__C": 0.5,
    },
    "components": {"steps": "pca,learn", "pca": "PCA", "learn": "Retrained", "learn__estimator": "LogisticRegression"},
    "neighbours": {"steps": "scale,learn", "scale": "StandardScaler", "learn": "KNeighborsClassifier"},
}


@pytest.fixture
def trained(make: Make, people: pd.DataFrame) -> Workspace:
    workspace = make(people, learners=(), confirm=True, roles=("name=direct-identifier", "note=free-text"))
    for name, params in PIPELINES.items():
        models.train(workspace, name, "visits", "pipeline", params)
    return workspace


def test_a_person_leaves_every_step_and_the_certificate_is_replayed(
    trained: Workspace, approve: Approve, certified: Certified
) -> None:
    with trained.vault.transaction() as connection:
        held = [
            set(register.open_learner(trained, connection, register.current(connection, model.id)).subjects_held())
            for model in register.every(connection)
        ]
    person = min(set.intersection(*held), key=int)
    done = execute.erase(trained, approve(trained, person))
    statement = certified(trained, done.certificate).statement
    copies = {copy.name: copy for copy in statement.copies if copy.kind == "model"}
    assert copies.keys() == PIPELINES.keys()
    for name, copy in copies.items():
        assert copy.method in (Method.FORGET, Method.REFIT)
        assert str(copy.guarantee) == f"Exact ({'environment' if name == 'components' else 'portable'})"
        assert {check.name: check.verdict for check in copy.checks}["replay"] is Verdict.PASSED
    file = trained.certificates / f"{done.certificate}.json"
    assert {one.verdict for one in replay_certificate(trained, file)} == {Verdict.PASSED}


def test_raw_rows_with_missing_cells_are_predicted(trained: Workspace) -> None:
    rows = pd.DataFrame({"age": [40.0, None, 90], "amount": [100.0, 5.5, None], "ward": ["north", None, "nowhere"]})
    for name in PIPELINES:
        answers = models.predict(trained, name, read_frame(rows))
        assert set(answers["prediction"]) <= {"yes", "no"}
        assert ((answers["score"] > 0) == (answers["prediction"] == "yes")).all()
        assert models.score(trained, name).verdict is not Verdict.FAILED


def test_a_pipeline_that_holds_rows_is_not_exported(trained: Workspace, tmp_path: Path) -> None:
    assert models.export(trained, "linear", tmp_path / "out") == ["chain.bin", "model.json"]
    with pytest.raises(InputError, match="predicts from people's rows"):
        models.export(trained, "neighbours", tmp_path / "no")
