"""What was signed: the log against its checkpoints, certificates against their files, their keys and their batches."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sqlalchemy import Connection, select

from expunge.access import actors as known
from expunge.access.actors import OWNER
from expunge.access.credentials import proves
from expunge.certificates.verify import verify
from expunge.domain.request import State
from expunge.erasure import requests
from expunge.erasure.doctor.finding import Findings, attention, broken
from expunge.errors import CertificateError
from expunge.vault.database import CERTIFICATE, CHECKPOINT
from expunge.workspace import journal, staff
from expunge.workspace.folder import OWNER_CREDENTIAL, Workspace

_KEPT: str = "Compare with a checkpoint kept elsewhere, then restore the workspace; do not trust what was signed since."


def log_name(workspace: Workspace, connection: Connection) -> Findings:
    """Check that the hash secret is that of this log: under another one nobody would be found."""
    notes = connection.execute(select(CHECKPOINT.c.note)).scalars().all()
    if notes and not any(note.startswith(f"{workspace.log_origin}\n") for note in notes):
        yield broken("workspace.secret", "is not the secret of this workspace.", "Restore it, or give --keys.")


def log(workspace: Workspace, connection: Connection) -> Findings:
    """Check that every entry is the one that was signed for, and can be read."""
    try:
        found = journal.verify(workspace, connection)
    except CertificateError as error:
        yield broken("table log_leaf", error.problem, _KEPT)
        return
    if found.entries > found.covered:
        what = f"{found.entries - found.covered} entries are under no checkpoint yet."
        yield attention("table log_leaf", what, "Nothing needs to be done: the next command that writes signs one.")


def actors(workspace: Workspace, connection: Connection) -> Findings:
    """Check that actors are as the log has them, and that the owner can prove who they are."""
    for name in staff.disagreements(connection):
        yield broken("table actor", f"actor {name!r} is not as the log has it: changed by hand.", _KEPT)
    path = workspace.keys / OWNER_CREDENTIAL
    owner = known.find(connection, OWNER)
    if owner is None:
        yield broken("table actor", "there is no owner.")
    elif not path.is_file():
        yield broken(path.name, "is missing.", f"Restore it to {workspace.keys}, or name yourself, with --as.")
    elif not proves(owner.method, owner.verifier, path.read_text().strip()):
        yield broken(path.name, "is not the owner's.", "Restore it, or act under your own name, with --as NAME.")


def clock(_workspace: Workspace, connection: Connection) -> Findings:
    """Check that times go forward, from entry to entry and up to now."""
    for index, entry in enumerate(journal.entries(connection)):
        if _field(entry, "clock") == "behind":
            what = f"entry {index}: the clock had been set back when it was written."
            yield attention("table log_leaf", what, "The order of things is that of the entries; look at the clock.")
    last = journal.last_time(connection)
    if last is not None and datetime.now(UTC) < last - journal.CLOCK_SLACK:
        what = f"the last entry was written at {last.isoformat()}, which lies ahead."
        yield attention("clock", what, "Set the clock of this machine; periods of the law run by it.")


def certificates(workspace: Workspace, connection: Connection) -> Findings:
    """Check that every certificate verifies, is about the requests of its batch, and lies in its file."""
    known = set()
    for row in connection.execute(select(CERTIFICATE).order_by(CERTIFICATE.c.id)).all():
        known.add(f"{row.id}.json")
        where = f"certificates/{row.id}.json"
        try:
            statement = verify(row.content, workspace.public_pem).statement
        except CertificateError as error:
            yield broken(f"table certificate, {row.id}", error.problem)
            continue
        served = requests.in_batch(connection, row.batch)
        if {one.id for one in served} != {one.id for one in statement.requests} or statement.batch != row.batch:
            yield broken(f"table certificate, {row.id}", "is not about the requests of its batch.")
        if any(one.state is State.CERTIFIED for one in served):
            continue  # the next step writes the file
        again = f"Give `expunge erase {served[0].id}` again: it writes the same file." if served else "Restore it."
        path = workspace.certificates / f"{row.id}.json"
        if not path.is_file():
            yield broken(where, "is missing.", again)
        elif path.read_bytes() != row.content:
            yield broken(where, "is not what was signed.", again)
    for path in sorted(workspace.certificates.glob("*.json")):
        if path.name not in known:
            yield broken(f"certificates/{path.name}", "was not issued by this workspace.", "Find out who put it there.")


def _field(entry: bytes, name: str) -> object:
    try:
        return json.loads(entry).get(name)
    except (ValueError, AttributeError):
        return None  # `log` finds it
