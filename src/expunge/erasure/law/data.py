"""Read the data files: laws, packs and calendars."""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from expunge.domain.request import Law
from expunge.errors import InputError

_FOLDER = resources.files("expunge.erasure.law")


@cache
def rules(law: Law) -> dict[str, Any]:
    """Return a law's rules as its data file states them."""
    return _read(f"{law}.json")


@cache
def calendars() -> dict[str, Any]:
    """Return what is said about single calendars, by their code."""
    return _read("calendars.json")


@cache
def known_packs() -> tuple[str, ...]:
    """Return the names of the policy packs."""
    files = (file.name for file in _FOLDER.joinpath("packs").iterdir())
    return tuple(sorted(name.removesuffix(".json") for name in files if name.endswith(".json")))


@cache
def pack(name: str) -> dict[str, Any]:
    """Return a policy pack as its data file states it.

    Raises
    ------
    InputError
        Where there is no such pack.
    """
    if name not in known_packs():
        raise InputError(f"there is no policy pack {name!r}.", mend=f"Packs are: {', '.join(known_packs())}.")
    return _read(f"packs/{name}.json")


def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_FOLDER.joinpath(path).read_text(encoding="utf-8"))
    return found
