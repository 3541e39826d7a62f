"""Bulk intake: requests from a CSV file, all of them or, where any row has a fault, none.

The file is UTF-8 with a header: ``subject``, and ``law`` and ``received`` where they are not given for all rows alike.

Invariants
----------
- Every fault of every row stands in one error, and then nothing was entered.
- The same file again, of the same day, enters nobody twice: its keyed hash goes into the log in the transaction that
  enters its rows, so that after a kill the same command goes on, and after an end it answers what it answered.
- Rows are numbered as they stand in the file, after the header, blank ones too.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import dropwhile
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, func, select

from expunge.access.actions import Action
from expunge.domain.request import Law, Outcome, Request
from expunge.erasure import clock, office, requests
from expunge.erasure.intake import Asked, take_in
from expunge.errors import DataError, Fault, InputError, NotFoundError
from expunge.vault.database import LOG_LEAF
from expunge.workspace.folder import Workspace

COLUMNS: Final = ("subject", "law", "received")
_MEND: Final = "Mend the rows, then give the command again."


@dataclass(frozen=True)
class Imported:
    """What came of a file.

    Parameters
    ----------
    entered : int
        Requests that the file made, now or when the same file came before.
    left_out : int
        Rows that repeat another row or an open request.
    requests : tuple of Request
        Those that were entered now.
    before : str or None
        When the same file was taken in, where it was.
    """

    entered: int
    left_out: int
    requests: tuple[Request, ...]
    before: str | None = None

    @property
    def no_data(self) -> int:
        """How many of those that were entered now ask for people of whom nothing is held."""
        return sum(request.outcome is Outcome.REFUSED for request in self.requests)


def import_file(
    workspace: Workspace,
    file: Path,
    law: Law | None = None,
    received: date | None = None,
    *,
    skip_duplicates: bool = False,
) -> Imported:
    """Take in the requests of a file.

    Parameters
    ----------
    law : Law, optional
        Of all rows, where the file has no such column.
    received : date, optional
        The day on which all of them came in, where the file has no such column; today by default.
    skip_duplicates : bool
        Leave out rows that repeat another one or an open request, rather than refuse the file.

    Raises
    ------
    DataError
        With every fault of the file; nothing was entered.
    """
    workspace.authorise(Action.REQUEST_IMPORT)
    content = _content(file)
    rows = _rows(file, content)
    header = _header(file, rows, law, received)
    given = {name: value for name, value in _given(law, received).items() if name not in header}
    faults, asked = _read(header, rows[1:], given)
    name = _name(workspace, content, given)
    with office.at_work(workspace):
        with workspace.vault.transaction() as connection:
            before = _taken_in(connection, name)
            repeated = {} if before else dict(_repeated(workspace, connection, asked))
        if before:
            return Imported(before["requests"], before["left_out"], (), before["at"])
        if not skip_duplicates:
            faults += (Fault(what, row=row) for row, what in repeated.items())
        if faults:
            raise DataError(file.name, sorted(faults, key=lambda fault: fault.row or 0), mend=_MEND)
        chosen = [one for row, one in asked.items() if row not in repeated]
        entered = take_in(workspace, chosen, {"file": name, "left_out": len(repeated)})
        return Imported(len(entered), len(repeated), tuple(entered))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {file}.", mend="Check the path.") from error


def _rows(file: Path, content: bytes) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{file.name} is not UTF-8, at byte {error.start}.", mend="Save it as UTF-8.") from error
    try:
        rows = csv.reader(io.StringIO(text, newline=""), strict=True)
        return list(dropwhile(lambda row: not row, rows))
    except csv.Error as error:
        raise InputError(f"{file.name} is no CSV file: {error}.", mend="Save it as CSV with a header.") from error


def _given(law: Law | None, received: date | None) -> dict[str, str]:
    return {"law": law.value if law else "", "received": (received or clock.today()).isoformat()}


def _read(header: list[str], rows: list[list[str]], given: dict[str, str]) -> tuple[list[Fault], dict[int, Asked]]:
    faults: list[Fault] = []
    asked: dict[int, Asked] = {}
    for number, row in enumerate(rows, start=1):
        if not row:
            continue
        if len(row) != len(header):
            faults.append(Fault(f"has {len(row)} cells, the header {len(header)}", row=number))
            continue
        cells = given | {name: cell.strip() for name, cell in zip(header, row, strict=True)}
        if found := [Fault(what, column, number) for column, what in _faults(cells)]:
            faults += found
            continue
        try:
            asked[number] = Asked(cells["subject"], Law(cells["law"].lower()), _moment(cells["received"]))
        except InputError as error:
            faults.append(Fault(error.problem, row=number))
    return faults, asked


def _header(file: Path, rows: list[list[str]], law: Law | None, received: date | None) -> list[str]:
    header = [name.strip().lower() for name in rows[0]] if rows else []
    faults = [Fault(f"{name!r} is no column of a file of requests") for name in header if name not in COLUMNS]
    faults += [Fault("stands there twice", name) for name, times in Counter(header).items() if times > 1]
    faults += [Fault("is missing", "subject")] if "subject" not in header else []
    faults += [Fault("is missing, and --law is not given", "law")] if "law" not in header and law is None else []
    for name, option in (("law", law), ("received", received)):
        if name in header and option is not None:
            faults.append(Fault(f"is there, and --{name} is given too", name))
    if faults:
        raise DataError(file.name, faults, mend=f"The first line names the columns: {', '.join(COLUMNS)}.")
    return header


def _faults(cells: dict[str, str]) -> Iterator[tuple[str, str]]:
    if not cells["subject"]:
        yield "subject", "is empty"
    if cells["law"].lower() not in set(Law):
        yield "law", f"{cells['law']!r} is none of {', '.join(Law)}"
    try:
        _moment(cells["received"])
    except ValueError:
        yield "received", f"{cells['received']!r} is no day such as 2026-11-02"


def _moment(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time()).astimezone()


def _name(workspace: Workspace, content: bytes, given: dict[str, str]) -> str:
    """Name a file, and what was given with it (the day, where it has none), so that the name tells nothing."""
    whole = json.dumps(given, sort_keys=True).encode() + b"|" + content
    return hmac.new(workspace.vault.derive("request file"), whole, hashlib.sha256).hexdigest()


def _taken_in(connection: Connection, name: str) -> dict[str, Any] | None:
    entry = connection.execute(select(LOG_LEAF.c.entry).where(func.instr(LOG_LEAF.c.entry, name.encode()) > 0)).scalar()
    found: dict[str, Any] | None = None if entry is None else json.loads(entry)
    return found


def _repeated(workspace: Workspace, connection: Connection, asked: dict[int, Asked]) -> Iterator[tuple[int, str]]:
    there = requests.open_by_tag(connection)
    rows: dict[tuple[Law, bytes], int] = {}
    for row, one in asked.items():
        key = (one.law, requests.tag(workspace, one.subject))
        if key in there:
            yield row, f"is the person of {there[key].id}, open under {one.law.upper()}, due {there[key].due}"
        elif rows.setdefault(key, row) != row:
            yield row, f"is the person of row {rows[key]}, under {one.law.upper()} too"
