"""`expunge report`: the page that goes with a reply."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.access.actions import Action
from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at
from expunge.errors import NotFoundError

if TYPE_CHECKING:
    from expunge.workspace.folder import Workspace


def report(
    certificate: Annotated[
        str | None, typer.Argument(metavar="[CERTIFICATE]", help="Its file or id; default: the one issued last.")
    ] = None,
    *,
    workspace: WorkspaceDir,
    out: Annotated[Path, typer.Option(help="The HTML file to write.")] = Path("report.html"),
    keys: Keys = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """Write one self-contained HTML file from a certificate, which is verified first."""
    from expunge.certificates import verify_file
    from expunge.reporting.page import render

    opened = open_at(workspace, keys, actor)
    opened.authorise(Action.REPORT)
    verified = verify_file(find(opened, certificate), opened.folder / "public.pem")
    out.write_text(render(verified), encoding="utf-8")
    answer({"report": str(out)}, as_json=as_json, text=f"Wrote {out}.")


def find(workspace: Workspace, certificate: str | None) -> Path:
    """Return the certificate file that is meant.

    Raises
    ------
    NotFoundError
        Where the workspace has issued none of this id, or none at all.
    """
    if certificate is not None and Path(certificate).is_file():
        return Path(certificate)
    issued = sorted(workspace.certificates.glob("*.json"), key=lambda path: path.stat().st_mtime)
    chosen = [path for path in issued if certificate in (None, path.stem)]
    if not chosen:
        known = ", ".join(path.stem for path in issued) or "none"
        raise NotFoundError(f"there is no certificate {certificate or ''}.", mend=f"Issued here: {known}.")
    return chosen[-1]
