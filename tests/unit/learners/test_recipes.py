"""Recipes of networks: what a name stands for."""

from __future__ import annotations

from importlib import metadata
from typing import Any

import pytest

from expunge.errors import InputError, NotFoundError
from expunge.learners import recipes
from expunge.learners.recipes import Recipe


def nothing(*_: Any) -> None:
    """A part of a recipe that is never made."""


LINE = Recipe("line", nothing, nothing, nothing)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that a test adds stays."""
    monkeypatch.setattr(recipes, "_added", {})


def test_a_recipe_is_found_once_it_was_added() -> None:
    with pytest.raises(NotFoundError, match=r"no recipe 'line'.*perceptron, perceptron-regressor"):
        recipes.find("line")
    recipes.add(LINE)
    recipes.add(LINE)
    assert recipes.find("line") is LINE


@pytest.mark.parametrize("name", ["line", "perceptron"])
def test_a_name_stands_for_one_recipe(name: str) -> None:
    recipes.add(LINE)
    with pytest.raises(InputError, match=f"another recipe '{name}'"):
        recipes.add(Recipe(name, nothing, nothing, print))


def test_other_packages_register_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        metadata.EntryPoint("line", f"{__name__}:LINE", recipes.GROUP),
        metadata.EntryPoint("crooked", f"{__name__}:LINE", recipes.GROUP),
        metadata.EntryPoint("none", "builtins:print", recipes.GROUP),
    ]
    monkeypatch.setattr(recipes, "entry_points", lambda group: points if group == recipes.GROUP else [])
    monkeypatch.setattr(metadata.EntryPoint, "load", lambda point: LINE if "LINE" in point.value else print)
    assert recipes.find("line") == LINE
    for name in ("crooked", "none"):
        with pytest.raises(InputError, match=f"'{name}' is registered as a recipe and is"):
            recipes.find(name)
