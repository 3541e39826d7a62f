"""Models of numbers in a workspace: trained, erased from, certified, replayed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from tests.integration.conftest import Command

Models: TypeAlias = dict[str, tuple[str, ...]]


def stays() -> pd.DataFrame:
    rng, n = np.random.default_rng(0), 900
    age, ward = rng.integers(18, 90, n), rng.choice(["north", "south"], n)
    days = rng.poisson(np.exp((age > 50) * 1.1 + (ward == "north") * 0.4))
    return pd.DataFrame({"patient": np.arange(n) // 2, "age": age, "ward": ward, "days": days})


def go_the_whole_way(command: Command, folder: Path, table: pd.DataFrame, kind: str, models: Models) -> None:
    """Train, erase somebody, verify the certificate and replay it: every copy passes."""
    table.to_csv(folder / "stays.csv", index=False)
    where = ("--workspace", folder / "ws")
    assert command("init", folder / "ws").code == 0
    roles = ("--subject", "patient", "--target", "days", "--role", f"days={kind}")
    assert command("dataset", "add", "stays", folder / "stays.csv", *roles, *where).code == 0
    for model, (learner, *params) in models.items():
        ran = command("model", "train", model, "--dataset", "stays", "--learner", learner, *params, *where)
        assert ran.code == 0, ran.err
    asked = command("request", "submit", "--subject", "17", "--law", "gdpr", *where, "--json")
    assert command("request", "approve", asked.json["id"], *where).code == 0
    assert command("erase", asked.json["id"], *where).code == 0
    (certificate,) = (folder / "ws" / "certificates").iterdir()
    assert command("certificate", "verify", certificate, "--key", folder / "ws" / "public.pem").code == 0
    replayed = command("certificate", "replay", certificate, *where, "--json")
    assert {(one["copy"], one["verdict"]) for one in replayed.json} == {
        (copy, "PASSED") for copy in ("dataset stays", *(f"model {model}" for model in models))
    }


def test_models_of_numbers_go_the_whole_way(command: Command, tmp_path: Path) -> None:
    models: Models = {
        "boosting": ("boosting", "--param", "loss=poisson", "--param", "n_jobs=2"),
        "staged": ("boosting", "--param", "structure=staged", "--param", "n_stages=2"),
        "forest": ("forest", "--param", "n_estimators=20"),
        "blend": ("blend", "--param", "n_trees=10"),
        "poisson": ("poisson", "--param", "alpha=0.001"),
    }
    go_the_whole_way(command, tmp_path, stays(), "numeric", models)


def test_logistic_regression_goes_the_whole_way(command: Command, tmp_path: Path) -> None:
    """Both: ours, and scikit-learn's, which is refitted."""
    table = stays().assign(days=lambda rows: np.where(rows["days"] > 3, "long", "short"))
    models: Models = {"logistic": ("logistic", "--param", "C=10.0"), "refitted": ("sklearn-logistic",)}
    go_the_whole_way(command, tmp_path, table, "categorical", models)


def test_every_learner_is_named_where_a_model_is_trained(command: Command) -> None:
    said = command("model", "train", "--help").out
    for name in ("ridge", "additive", "blend", "boosting", "forest", "logistic", "xgboost"):
        assert name in said
