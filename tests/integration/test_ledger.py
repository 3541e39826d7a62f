"""They stay gone: from the command line, after an import and after a real restore of both folders."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pytest

from expunge.domain.subject import spelling
from expunge.vault import ledger
from expunge.vault.ledger import _Key
from expunge.workspace.folder import keys_beside, open_workspace

Command: TypeAlias = Callable[..., Any]
Copier: TypeAlias = Callable[[Path], Path]
FIRST, SECOND = 71_001, 71_014
TYPES = ("--subject", "patient", "--target", "sick", "--role", "note=free-text")


@pytest.fixture
def place(prepared: Path, copy_of: Copier) -> Path:
    return copy_of(prepared)


@pytest.fixture
def table(people: pd.DataFrame, tmp_path: Path) -> Path:
    """The people as a CSV file, in which the first person's number is text: all others' are not numbers."""
    file = tmp_path / "people.csv"
    named = [str(one) if one == FIRST else f"P{one}" for one in people["patient"]]
    people.assign(patient=named).drop(columns="name").to_csv(file, index=False)
    return file


def erase(command: Command, place: Path, *people: int) -> Path:
    where = ("--workspace", place, "--json")
    ids = [command("request", "submit", "--subject", one, "--law", "gdpr", *where).json["id"] for one in people]
    command("request", "approve", *ids, *where)
    return Path(command("erase", *ids, *where).json["certificate_file"])


def policy(place: Path, **settings: object) -> None:
    file = place / "policy.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def test_an_import_is_refused_and_says_how_many_never_who(command: Command, place: Path, table: Path) -> None:
    erase(command, place, FIRST)
    ran = command("dataset", "add", "again", table, *TYPES, "--workspace", place)
    assert (ran.code, ran.out) == (2, "")
    assert "1 of the 120 people in this table were erased" in ran.err
    assert str(FIRST) not in ran.err
    assert command("dataset", "add", "again", table, *TYPES, "--workspace", place, "--json").json["error"] == (
        "SuppressedError"
    )


def test_where_policy_says_so_the_others_are_taken_in(command: Command, place: Path, table: Path) -> None:
    erase(command, place, FIRST)
    where = ("--workspace", place)
    ran = command("dataset", "add", "again", table, *TYPES, *where, "--on-suppressed", "quarantine")
    assert (ran.code, "policy refuses" in ran.err) == (2, True)
    policy(place, on_suppressed="quarantine")
    ran = command("dataset", "add", "again", table, *TYPES, *where, "--on-suppressed", "refuse")
    assert (ran.code, "1 of the 120" in ran.err) == (2, True)
    assert command("dataset", "add", "again", table, *TYPES, *where, "--json").json["set_aside"] == 1
    assert "1 who were erased; nothing of them is stored" in command("dataset", "show", "again", *where).out
    files = [file for folder in (place, keys_beside(place)) for file in folder.rglob("*") if file.is_file()]
    assert not any(str(FIRST).encode() in file.read_bytes() for file in files)


def test_whoever_returns_is_released_and_can_be_imported(command: Command, place: Path, table: Path) -> None:
    erase(command, place, FIRST)
    where = ("--workspace", place)
    assert command("ledger", "release", "--subject", FIRST, "--reason", "a new contract", *where).code == 0
    assert command("dataset", "add", "again", table, *TYPES, *where).code == 0
    assert command("ledger", "check", *where).code == 0


def restore(backup: Path, place: Path) -> None:
    for source, to in ((backup, place), (keys_beside(backup), keys_beside(place))):
        shutil.rmtree(to)
        shutil.copytree(source, to)


@pytest.mark.parametrize("kept", ["the ledger's copy", "a certificate"])
def test_after_a_restore_they_are_found_and_erased_again(
    command: Command, place: Path, copy_of: Copier, tmp_path: Path, kept: str
) -> None:
    where = ("--workspace", place)
    backup = copy_of(place)
    certificate = shutil.copy(erase(command, place, FIRST, SECOND), tmp_path / "kept.json")
    command("ledger", "export", tmp_path / "ledger.json", *where)
    restore(backup, place)
    assert command("log", "verify", *where).code == 0, "the backup's log is whole in itself"
    ran = command("log", "verify", "--since", certificate, *where)
    assert (ran.code, "cut or restored" in ran.err) == (1, True)
    assert command("ledger", "check", *where).code == 0, "and its ledger knows of nobody"

    by: tuple[object, ...] = ("--certificate", certificate)
    if kept == "the ledger's copy":
        by = ()
        assert command("ledger", "restore", tmp_path / "ledger.json", *where, "--json").json == {"taken": 2}
    ran = command("ledger", "check", *by, *where)
    assert (ran.code, "visits" in ran.out, "ledger check --submit" in ran.out) == (1, True, True)
    ran = command("ledger", "check", *by, "--submit", "--law", "gdpr", *where, "--json")
    assert ran.code == 1
    assert {one["name"]: one["people"] for one in ran.json["back"]}["visits"] == 2
    ids = ran.json["submitted"]
    assert len(ids) == 2
    ran = command("ledger", "check", *by, "--submit", "--law", "gdpr", *where)
    assert (ran.code, "open request already" in ran.out) == (1, True)
    assert command("request", "approve", *ids, *where).code == 0
    file = command("erase", *ids, *where, "--json").json["certificate_file"]
    assert command("certificate", "verify", file, "--key", place / "public.pem").code == 0
    assert command("ledger", "check", "--certificate", certificate, *where).code == 0
    assert command("log", "verify", *where).code == 0


def test_without_its_own_key_the_ledger_is_noise_and_with_it_an_oracle(command: Command, place: Path) -> None:
    """The second is why it is personal data, has a legal basis and an end, and can be destroyed."""
    erase(command, place, FIRST)
    workspace = open_workspace(place)
    with workspace.vault.transaction() as connection:
        (entry,) = ledger.entries(connection)
    files = {file.name: file.read_bytes().strip() for file in keys_beside(place).iterdir() if file.is_file()}
    tells = set()
    for name, content in files.items():
        raw = bytes.fromhex(content.decode()) if re.fullmatch(rb"[0-9a-f]{64}", content) else content
        for key in (content, raw):
            if _Key(key).tag(spelling(FIRST))[8:] == entry.tag[8:]:
                tells.add(name)
    assert tells == {"ledger.key"}
    assert command("ledger", "destroy", "--yes", "--workspace", place).code == 0
    left = [file for folder in (place, keys_beside(place)) for file in folder.rglob("*") if file.is_file()]
    for trace in (files["ledger.key"], bytes.fromhex(files["ledger.key"].decode()), entry.tag):
        assert not [file for file in left if trace in file.read_bytes()]
