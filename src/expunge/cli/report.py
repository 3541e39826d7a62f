"""`expunge report`: the page that goes with a reply."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import Actor, Json, Keys, WorkspaceDir, answer, open_at


def report(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The certificate file.")],
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
    verified = verify_file(file, opened.folder / "public.pem")
    out.write_text(render(verified), encoding="utf-8")
    answer({"report": str(out)}, as_json=as_json, text=f"Wrote {out}.")
