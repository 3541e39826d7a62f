"""Every error is drawn in the tree at the top of `expunge.errors`, and says what to do."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from typing import Any

import pytest

import expunge
from expunge import errors
from expunge.errors import DataError, ExpungeError, Fault

# One more is private and never leaves its module.
PRIVATE = {"expunge.log.sparse._MalformedError", "expunge.learners.case.BrokenError"}


def classes() -> dict[str, type[BaseException]]:
    found = {}
    for module in pkgutil.walk_packages(expunge.__path__, "expunge."):
        if ".migrations" not in module.name:
            for name, value in vars(importlib.import_module(module.name)).items():
                if inspect.isclass(value) and issubclass(value, BaseException) and value.__module__ == module.name:
                    found[f"{module.name}.{name}"] = value
    return found


def drawn() -> dict[str, str | None]:
    """Name -> name of the error that it stands under, as the docstring draws it."""
    above: list[str] = []
    tree: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"    ([│├└─ ]*)(\w+Error)\b", line):
            depth = len(found[1]) // 4
            del above[depth:]
            tree[found[2]] = above[-1] if above else None
            above.append(found[2])
    return tree


def test_every_error_of_the_package_is_drawn_where_it_stands() -> None:
    public = {name: found for name, found in classes().items() if name not in PRIVATE}
    real = {
        found.__name__: next((base.__name__ for base in found.__bases__ if issubclass(base, ExpungeError)), None)
        for found in public.values()
    }
    assert drawn() == real


def test_every_error_lives_in_one_place() -> None:
    assert {found.__module__ for name, found in classes().items() if name not in PRIVATE} == {"expunge.errors"}


@pytest.mark.parametrize("found", [found for name, found in classes().items() if name not in PRIVATE])
def test_every_error_takes_a_mend_and_shows_it(found: type[ExpungeError]) -> None:
    arguments: dict[str, Any] = {
        name: [Fault("what")] if name == "faults" else f"<{name}>"
        for name, parameter in inspect.signature(found).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }
    error = found(*arguments.values(), mend="Do this.")
    assert str(error).endswith("Do this.")
    assert error.mend == "Do this."
    assert all(str(value) in str(error) for value in arguments.values() if isinstance(value, str))
    assert issubclass(found, ExpungeError)


@pytest.mark.parametrize(("name", "builtin"), [("InputError", ValueError), ("NotFoundError", LookupError)])
def test_errors_are_also_what_python_calls_them(name: str, builtin: type[Exception]) -> None:
    assert issubclass(getattr(errors, name), builtin)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("wrong"), "wrong"),
        (Fault("wrong", "age"), "column 'age': wrong"),
        (Fault("wrong", row=3), "row 3: wrong"),
        (Fault("wrong", "age", 3), "row 3, column 'age': wrong"),
    ],
)
def test_a_fault_says_where_it_is(fault: Fault, words: str) -> None:
    assert str(fault) == words


def test_a_data_error_lists_every_fault() -> None:
    error = DataError("visits.csv", iter([Fault("one"), Fault("two", "age")]), mend="Correct them.")
    assert str(error) == (
        "visits.csv has 2 faults, nothing was stored:\n  - one\n  - column 'age': two\n Correct them."
    )
    assert len(error.faults) == 2
    assert "has 1 fault," in str(DataError("x", [Fault("one")], mend="Mend."))
