"""The command line as a whole: verbs put together, errors turned into one line and an exit code.

Exit codes
----------
0  done, or true
1  not true: a certificate that does not verify, a check that failed, a signature that was refused
2  cannot be used: a wrong option, a bad file, something that does not exist, a move that is not allowed
3  busy: another process is writing to the workspace; try again
4  waiting: a batch waits for people, its recipients to be told say; the same command goes on
130  interrupted; nothing is lost

Each command imports what it needs when it runs, so that checking a certificate needs neither the numerical stack nor a
database.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from expunge.cli import (
    actor,
    anonymize,
    bench,
    certificate,
    dataset,
    demo,
    doctor,
    due,
    erase,
    init,
    ledger,
    log,
    model,
    policy,
    recipient,
    report,
    request,
    task,
)
from expunge.cli.options import from_stdin, harmless
from expunge.errors import (
    CheckFailedError,
    ExpungeError,
    NotVerifiedError,
    SigningRefusedError,
    WaitingError,
    WorkspaceBusyError,
)

EXIT_FALSE: Final = 1
EXIT_UNUSABLE: Final = 2
EXIT_BUSY: Final = 3
EXIT_WAITING: Final = 4
EXIT_INTERRUPTED: Final = 130
_OF_CHANGED_BYTES: Final = (ValueError, TypeError, LookupError)
_DATABASE_MENDS: Final = {
    "locked": "Wait until it is done.",
    "full": "Nothing is lost. Make room on its disk, then give the command again.",
    "readonly": "Nothing is lost. Make its folder writable, then give the command again.",
    "unable to open": "Check that its folder exists and can be written to, then give the command again.",
    "disk I/O": "Nothing that was committed is lost. Check the disk and the room on it, then give the command again.",
}

app = typer.Typer(
    name="expunge",
    help="Remove a person from rows, keys, encoders and models, and prove it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("init")(init.init)
app.add_typer(dataset.app, name="dataset")
app.add_typer(model.app, name="model")
app.add_typer(request.app, name="request")
app.command("due")(due.due)
app.command("erase")(erase.erase)
app.add_typer(recipient.app, name="recipient")
app.add_typer(task.app, name="task")
app.add_typer(certificate.app, name="certificate")
app.add_typer(log.app, name="log")
app.add_typer(ledger.app, name="ledger")
app.command("doctor")(doctor.doctor)
app.command("report")(report.report)
app.add_typer(actor.app, name="actor")
app.add_typer(policy.app, name="policy")
app.command("demo")(demo.demo)
app.command("anonymize")(anonymize.anonymize)
app.add_typer(bench.app, name="bench")


def _version(asked: bool) -> None:
    if asked:
        print(metadata.version("expunge"))
        raise typer.Exit


@app.callback()
def _expunge(
    *,
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
    passphrase_stdin: Annotated[
        bool, typer.Option("--passphrase-stdin", help="Read passphrases from standard input, one a line.")
    ] = False,
) -> None:
    """Remove a person from rows, keys, encoders and models, and prove it."""
    from_stdin.set(passphrase_stdin)


def main() -> None:
    """Run the command line; whatever is expected to go wrong ends in one line and an exit code."""
    try:
        app()
    except ExpungeError as error:
        _fail(type(error).__name__, str(error), exit_code(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("expunge"):
            raise
        mend = 'Install what it is part of: pip install "expunge[workspace]".'
        _fail("ModuleNotFoundError", f"this command needs the package {error.name!r}. {mend}", EXIT_UNUSABLE)
    except KeyboardInterrupt:
        _fail("KeyboardInterrupt", "interrupted. Nothing is lost: give the same command again.", EXIT_INTERRUPTED)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        mend = "Nothing is lost. Check the place, its rights and the space on it, then give the command again."
        _fail(type(error).__name__, f"{place}{error.strerror or error}. {mend}", EXIT_UNUSABLE)
    except _database_errors() as error:
        # Only what the driver says: the statement and its parameters are nobody's business.
        what = str(getattr(error, "orig", None) or error).splitlines()[0]
        code = EXIT_BUSY if "locked" in what else EXIT_UNUSABLE
        _fail(type(error).__name__, f"the workspace's database: {what}. {_database_mend(what)}", code)
    except _OF_CHANGED_BYTES as error:
        if os.environ.get("EXPUNGE_TRACEBACK"):
            raise
        # What nothing authenticates, such as a plain column of the database, can have been changed into anything; and a
        # traceback may show values of people. What kind of error it was, and where, does not.
        frame = [one for one in traceback.extract_tb(error.__traceback__) if "expunge" in one.filename][-1]
        place = f"{Path(frame.filename).name}, line {frame.lineno}"
        mend = "See `expunge doctor`; if it finds nothing, report this (EXPUNGE_TRACEBACK=1 shows where it came from)."
        _fail(type(error).__name__, f"unexpected {type(error).__name__} in {place}. {mend}", EXIT_UNUSABLE)


def exit_code(error: ExpungeError) -> int:
    """Return the exit code for an error."""
    if isinstance(error, WorkspaceBusyError):
        return EXIT_BUSY
    if isinstance(error, WaitingError):
        return EXIT_WAITING
    if isinstance(error, NotVerifiedError | SigningRefusedError | CheckFailedError):
        return EXIT_FALSE
    return EXIT_UNUSABLE


def _fail(name: str, message: str, code: int) -> NoReturn:
    if "--json" in sys.argv:
        print(json.dumps({"error": name, "message": message}))
    else:
        print(f"expunge: {harmless(message)}", file=sys.stderr)
    sys.exit(code)


def _database_mend(what: str) -> str:
    for sign, mend in _DATABASE_MENDS.items():
        if sign in what:
            return mend
    return "See `expunge doctor`; restore expunge.db and its keys from the same moment."


def _database_errors() -> tuple[type[Exception], ...]:
    """Return the base errors of the database packages, where they were loaded; none is loaded for this."""
    bases = (("sqlalchemy.exc", "SQLAlchemyError"), ("sqlite3", "Error"))
    return tuple(getattr(loaded, name) for module, name in bases if (loaded := sys.modules.get(module)))
