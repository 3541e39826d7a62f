"""What a model that did not forget exactly is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from expunge.certificates.verify import Verified
from expunge.domain.guarantee import Certified
from expunge.domain.report import Verdict
from expunge.erasure import execute
from expunge.erasure.steps.judge import budget, every_class, in_words
from expunge.workspace import models, register
from expunge.workspace.folder import Workspace


@pytest.mark.parametrize(("spent", "verdict"), [(0.0, "PASSED"), (1.0, "PASSED"), (1.0000001, "FAILED")])
def test_a_budget_that_is_exceeded_fails(spent: float, verdict: str) -> None:
    found = budget(Certified(1.0, 1e-5, spent))
    assert found.verdict is Verdict(verdict)
    assert found.figures["epsilon"] == "1.0"


def test_what_was_not_judged_is_not_said_to_be() -> None:
    assert in_words(None) == "nothing in this batch"


def test_a_class_that_a_model_never_saw_is_a_class() -> None:
    found = every_class(np.array([0, 2]), np.array([2, 2]), np.array([1]))
    assert found.tolist() == [0, 1, 2]


def test_an_erasure_goes_on_where_a_class_is_held_out_whole(
    make: Callable[..., Workspace],
    people: pd.DataFrame,
    approve: Callable[..., list[str]],
    certified: Callable[..., Verified],
) -> None:
    """Of a rare class all may be held out: the model does not know it, and is judged all the same."""

    def trained(frame: pd.DataFrame) -> Workspace:
        fresh = make(frame, learners=(), confirm=True, roles=("name=direct-identifier", "note=free-text"))
        workspace = replace(fresh, policy=replace(fresh.policy, guarantee_floor="empirical"))
        models.train(workspace, "network", "visits", "network", {"method": "neggrad", "epochs": 4, "batch_size": 16})
        return workspace

    first = trained(people)
    with first.vault.transaction() as connection:
        row = register.by_name(connection, "network")
        table = models.usable(first, connection, row.dataset_id)
        held = models.held_out_rows(first, table, row.id, row.held_out)
    tested, learned = sorted(set(table.subjects[held].tolist())), sorted(set(table.subjects[~held].tolist()))
    rare = people.copy()
    rare.loc[rare["patient"] == tested[0], "sick"] = "perhaps"  # held out by the same keyed hash
    workspace = trained(rare)
    with workspace.vault.transaction() as connection:
        served = register.open_served(workspace, connection, register.current(connection, row.id))
    assert served.classes is not None
    assert served.classes.tolist() == ["no", "yes"]
    done = execute.erase(workspace, approve(workspace, learned[0], learned[1]))
    assert certified(workspace, done.certificate).statement.copies[1].name == "network"
