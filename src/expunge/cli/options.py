"""Options that many verbs share, and how answers are printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from expunge.workspace.folder import Workspace

WorkspaceDir = Annotated[
    Path, typer.Option("--workspace", envvar="EXPUNGE_WORKSPACE", help="The workspace folder.", show_default=False)
]
Keys = Annotated[
    Path | None, typer.Option("--keys", envvar="EXPUNGE_KEYS", help="Folder of keys; default: DIR.keys beside DIR.")
]
Actor = Annotated[str | None, typer.Option("--as", help="Who acts; recorded in the audit log. Default: owner.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value.")]

PATIENCE: Final = 10.0
"""Seconds that a command waits for another one that is writing."""

console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 120)
progress_console = Console(stderr=True, highlight=False)


def open_at(folder: Path, keys: Path | None, actor: str | None) -> Workspace:
    """Open the workspace that the options name."""
    from expunge.workspace.folder import open_workspace

    return replace(open_workspace(folder, keys, actor), patience=PATIENCE)


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
