from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from expunge.errors import InputError, NotFoundError
from expunge.learners import registry
from expunge.learners.exact import AdditiveClassifier, Ridge, RidgeClassifier, TableEncoder
from expunge.learners.registry import LEARNERS, create, learner_class, learner_names


def test_ridge_means_what_the_target_needs() -> None:
    assert type(create("ridge", "classification", alpha=3.0)) is RidgeClassifier
    assert type(create("ridge", "regression")) is Ridge
    assert type(create("additive", "classification")) is AdditiveClassifier


def test_additive_does_not_regress_and_says_what_does() -> None:
    with pytest.raises(InputError, match=r"does classification, not regression.*ridge"):
        create("additive", "regression")


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match="additive, ridge"):
        create("forest", "classification")


def test_an_unknown_parameter_is_told_the_known_ones() -> None:
    with pytest.raises(InputError, match="alpha"):
        create("ridge", "classification", depth=3)


@pytest.mark.parametrize("cls", [RidgeClassifier, Ridge, AdditiveClassifier, TableEncoder])
def test_a_class_is_found_by_its_own_name(cls: Any) -> None:
    assert learner_class(cls.__name__) is cls


def test_a_class_that_nobody_registered_is_not_found() -> None:
    with pytest.raises(NotFoundError):
        learner_class("Popen")


def _register(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    point = EntryPoint(name, value, registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == registry.GROUP else [])


def test_a_third_party_registers_by_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, "line", "expunge.learners.exact.linear:Ridge")
    assert learner_names() == ["additive", "line", "ridge"]
    assert type(create("line", "regression")) is Ridge
    with pytest.raises(InputError, match="does not do classification"):
        create("line", "classification")


def test_a_third_partys_class_is_found_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, "line", "expunge.learners.exact.table:TableLearner")
    assert learner_class("TableLearner").__name__ == "TableLearner"


def test_what_is_registered_must_be_a_learner(monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, "line", "subprocess:Popen")
    with pytest.raises(InputError, match="Register a Learner class"):
        create("line", "regression")


def test_a_third_party_cannot_take_a_built_in_name(monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, "ridge", "subprocess:Popen")
    assert type(create("ridge", "regression")) is Ridge


def test_the_table_of_learners_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        LEARNERS["ridge"] = {}  # type: ignore[index]


def test_names_are_known_without_importing_a_numerical_package() -> None:
    code = (
        "import sys; from expunge.learners.registry import learner_names; learner_names();"
        "print([m for m in ('numpy', 'scipy', 'sklearn', 'pandas') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
