"""The command line as a whole: verbs put together, errors turned into one line and an exit code.

Exit codes
----------
0  done, or true
1  not true: a certificate that does not verify, a check that failed, a signature that was refused
2  cannot be used: a wrong option, a bad file, something that does not exist, a move that is not allowed
3  busy: another process is writing to the workspace; try again

Each command imports what it needs when it runs, so that checking a certificate needs neither the numerical stack nor a
database.
"""

from __future__ import annotations

import json
import sys
from typing import Final

import typer

from expunge.cli import certificate, dataset, demo, erase, init, log, model, report, request
from expunge.errors import ExpungeError, NotVerifiedError, SigningRefusedError, WorkspaceBusyError

EXIT_FALSE: Final = 1
EXIT_UNUSABLE: Final = 2
EXIT_BUSY: Final = 3

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
app.command("erase")(erase.erase)
app.add_typer(certificate.app, name="certificate")
app.add_typer(log.app, name="log")
app.command("report")(report.report)
app.command("demo")(demo.demo)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except ExpungeError as error:
        if "--json" in sys.argv:
            print(json.dumps({"error": type(error).__name__, "message": str(error)}))
        else:
            print(f"expunge: {error}", file=sys.stderr)
        sys.exit(exit_code(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("expunge"):
            raise
        print(
            f"expunge: this command needs the package {error.name!r}. "
            'Install what it is part of: pip install "expunge[workspace]".',
            file=sys.stderr,
        )
        sys.exit(EXIT_UNUSABLE)


def exit_code(error: ExpungeError) -> int:
    """Return the exit code for an error."""
    if isinstance(error, WorkspaceBusyError):
        return EXIT_BUSY
    if isinstance(error, NotVerifiedError | SigningRefusedError) or type(error).__name__ == "CheckFailedError":
        return EXIT_FALSE
    return EXIT_UNUSABLE
