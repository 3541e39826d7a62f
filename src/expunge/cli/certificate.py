"""`expunge certificate`: show, verify, replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at, print_facts, print_table

if TYPE_CHECKING:
    from expunge.domain.certificate import Statement

VERDICTS = ("PASSED", "FAILED", "NOT RUN")
app = typer.Typer(help="Certificates of erasure.", no_args_is_help=True)
File = Annotated[Path, typer.Argument(metavar="FILE", help="The certificate file.")]


@app.command()
def show(file: File, *, as_json: Json = False) -> None:
    """Show what a certificate says. This checks nothing: use verify for that."""
    from expunge.certificates.file import MAX_BYTES, read_file
    from expunge.certificates.statement import parse
    from expunge.errors import EnvelopeFormatError

    try:
        with file.open("rb") as handle:
            content = handle.read(MAX_BYTES + 1)
    except OSError as error:
        raise EnvelopeFormatError(
            f"{file} cannot be read: {error.strerror}.", mend="Give a certificate file."
        ) from error
    statement = parse(read_file(content).payload)
    if as_json:
        answer(statement.to_dict(), as_json=True)
    else:
        _print(statement)
        answer(None, as_json=False, text="Not verified: use `expunge certificate verify` for that.")


@app.command()
def verify(
    file: File,
    *,
    key: Annotated[Path, typer.Option(help="Public key of the issuer (public.pem).")],
    as_json: Json = False,
) -> None:
    """Check a certificate offline. Exit code 0: verified; 1: not true; 2: not a certificate."""
    from expunge.certificates import verify_file

    verified = verify_file(file, key)
    statement = verified.statement
    answer(
        {"verified": True, "certificate": statement.certificate, "checks": list(verified.checks)},
        as_json=as_json,
        text=f"VERIFIED: certificate {statement.certificate} of {statement.issued}, "
        f"{len(statement.requests)} requests, {len(statement.copies)} copies.\n"
        f"Checked: {', '.join(verified.checks)}.",
    )


@app.command()
def replay(
    file: File, *, workspace: WorkspaceDir, keys: Keys = None, actor: Actor = None, as_json: Json = False
) -> None:
    """Retrain every model of a certificate from the remaining rows and compare digests."""
    from expunge.erasure.replay import replay_certificate

    found = replay_certificate(open_at(workspace, keys, actor), file)
    if as_json:
        answer([one.to_dict() for one in found], as_json=True)
    else:
        print_table(
            "Replay", ("copy", "verdict", "what was found"), [(one.name, one.verdict, one.detail) for one in found]
        )
        tally = ", ".join(f"{sum(one.verdict == verdict for one in found)} {verdict}" for verdict in VERDICTS)
        answer(None, as_json=False, text=f"Of {len(found)} copies: {tally}.")
    if any(one.verdict == "FAILED" for one in found):
        raise typer.Exit(1)


def _release(statement: Statement) -> str:
    found = statement.release
    return "" if found is None else f"{found.subjects} left together, {found.min_batch} asked for: {found.rule}"


def _print(statement: Statement) -> None:
    print_facts(
        f"Certificate {statement.certificate}",
        {
            "issued": statement.issued,
            "batch": statement.batch,
            "requests": ", ".join(f"{one.id} ({one.law}, due {one.due})" for one in statement.requests),
            **({"release": words} if (words := _release(statement)) else {}),
            "root key destroyed": f"version {statement.keys.version_destroyed}, {statement.keys.unusable_since}",
        },
    )
    rows = [
        (
            f"{copy.kind} {copy.name}",
            copy.method.value,
            f"{len(copy.members.left)} of {copy.members.count_before}",
            copy.guarantee_in_words,
            "; ".join(f"{check.name}: {check.verdict}" for check in copy.checks),
        )
        for copy in statement.copies
    ]
    print_table("Copies", ("copy", "method", "subjects left", "guarantee", "checks"), rows)
    for check in statement.checks:
        answer(None, as_json=False, text=f"{check.name}: {check.verdict}. {check.detail}")
