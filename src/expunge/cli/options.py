"""Options that many verbs share, how whoever acts proves it, and how answers are printed.

A passphrase or key is never an argument: process lists and shell histories show arguments. It comes from a file that
``EXPUNGE_KEY_FILE`` or ``EXPUNGE_PASSPHRASE_FILE`` names, from standard input with ``--passphrase-stdin``, or from
whoever sits at the terminal.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from expunge.errors import AuthenticationError, InputError

if TYPE_CHECKING:
    from expunge.workspace.folder import Workspace

WorkspaceDir = Annotated[
    Path, typer.Option("--workspace", envvar="EXPUNGE_WORKSPACE", help="The workspace folder.", show_default=False)
]
Keys = Annotated[
    Path | None, typer.Option("--keys", envvar="EXPUNGE_KEYS", help="Folder of keys; default: DIR.keys beside DIR.")
]
Actor = Annotated[
    str | None,
    typer.Option("--as", help="Who acts; asked for a passphrase, recorded in the audit log. Default: owner."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]

PATIENCE: Final = 10.0
"""Seconds that a command waits for another one that is writing."""
CREDENTIAL_FILES: Final = ("EXPUNGE_KEY_FILE", "EXPUNGE_PASSPHRASE_FILE")
from_stdin: ContextVar[bool] = ContextVar("from_stdin", default=False)
"""Whether passphrases are lines of standard input; `--passphrase-stdin` sets it."""

console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 120)
progress_console = Console(stderr=True, highlight=False)


def open_at(folder: Path, keys: Path | None, actor: str | None) -> Workspace:
    """Open the workspace that the options name."""
    from expunge.workspace.folder import open_workspace

    return replace(open_workspace(folder, keys, actor, credential(actor)), patience=PATIENCE)


def credential(actor: str | None) -> str | None:
    """Return what an actor proves themselves with; None for the owner, whose key lies in the key folder.

    Raises
    ------
    InputError
        Where two files are named, or one that others can read.
    AuthenticationError
        Where nothing is given and nobody can be asked.
    """
    if actor is None:
        return None
    named = [variable for variable in CREDENTIAL_FILES if os.environ.get(variable)]
    if len(named) > 1:
        raise InputError(f"{' and '.join(named)} are both set.", mend="Set one of the two.")
    if named:
        from expunge.access.credentials import read_private

        return read_private(Path(os.environ[named[0]]))
    if actor == "owner" and not from_stdin.get():
        return None
    return ask(f"Passphrase of {harmless(actor)}: ")


def new_passphrase(actor: str) -> str:
    """Ask for a passphrase to be; twice, where somebody types it.

    Raises
    ------
    InputError
        Where the two differ.
    """
    first = ask(f"New passphrase of {harmless(actor)}: ")
    if not from_stdin.get() and ask("The same again: ") != first:
        raise InputError("the two passphrases differ.", mend="Give the command again.")
    return first


def ask(prompt: str) -> str:
    """Read a passphrase: a line of standard input where that is wanted, else typed at the terminal without echo.

    Raises
    ------
    AuthenticationError
        Where there is neither.
    """
    if from_stdin.get():
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise AuthenticationError("standard input holds no passphrase.", mend="Give one a line.")
        return line
    if not sys.stdin.isatty():
        raise AuthenticationError(
            "there is no terminal to ask for a passphrase.",
            mend=f"Name a file with {' or '.join(CREDENTIAL_FILES)}, or give `expunge --passphrase-stdin ...`.",
        )
    return getpass.getpass(prompt)


def answer(value: Any, *, as_json: bool, text: str = "") -> None:
    """Print an answer: as JSON, or as text."""
    if as_json:
        print(json.dumps(value, ensure_ascii=False))
    else:
        console.print(harmless(text), markup=False)


def harmless(text: object) -> str:
    """Escape control characters: names in a certificate are somebody else's, and terminals obey."""
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in str(text))


def print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table for people."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(harmless(cell)) for cell in row))
    console.print(table)


def print_facts(title: str, facts: Mapping[str, object]) -> None:
    """Print names and values, one a line."""
    console.print(title, markup=False, style="bold")
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        console.print(f"  {name:<{width}}  {harmless(value)}", markup=False)
