"""Models of numbers in a workspace: trained, erased from, certified, replayed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from tests.integration.conftest import Command


def test_boosting_forests_and_blends_of_numbers_go_the_whole_way(command: Command, tmp_path: Path) -> None:
    rng, n = np.random.default_rng(0), 900
    age, ward = rng.integers(18, 90, n), rng.choice(["north", "south"], n)
    days = rng.poisson(np.exp((age > 50) * 1.1 + (ward == "north") * 0.4))
    table = pd.DataFrame({"patient": np.arange(n) // 2, "age": age, "ward": ward, "days": days})
    table.to_csv(tmp_path / "stays.csv", index=False)
    where = ("--workspace", tmp_path / "ws")
    assert command("init", tmp_path / "ws").code == 0
    roles = ("--subject", "patient", "--target", "days", "--role", "days=numeric")
    assert command("dataset", "add", "stays", tmp_path / "stays.csv", *roles, *where).code == 0
    for model, (learner, *params) in {
        "boosting": ("boosting", "--param", "loss=poisson", "--param", "n_jobs=2"),
        "staged": ("boosting", "--param", "structure=staged", "--param", "n_stages=2"),
        "forest": ("forest", "--param", "n_estimators=20"),
        "blend": ("blend", "--param", "n_trees=10"),
    }.items():
        ran = command("model", "train", model, "--dataset", "stays", "--learner", learner, *params, *where)
        assert ran.code == 0, ran.err
    asked = command("request", "submit", "--subject", "17", "--law", "gdpr", *where, "--json")
    assert command("request", "approve", asked.json["id"], *where).code == 0
    assert command("erase", asked.json["id"], *where).code == 0
    (certificate,) = (tmp_path / "ws" / "certificates").iterdir()
    assert command("certificate", "verify", certificate, "--key", tmp_path / "ws" / "public.pem").code == 0
    replayed = command("certificate", "replay", certificate, *where, "--json")
    assert {(one["copy"], one["verdict"]) for one in replayed.json} == {
        (copy, "PASSED") for copy in ("dataset stays", "model boosting", "model staged", "model forest", "model blend")
    }


def test_every_learner_is_named_where_a_model_is_trained(command: Command) -> None:
    said = command("model", "train", "--help").out
    for name in ("ridge", "additive", "blend", "boosting", "forest", "logistic", "xgboost"):
        assert name in said
