"""`expunge init`: make an empty workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.options import Json, Keys, answer


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that does not exist yet, or is empty.")],
    *,
    keys: Keys = None,
    four_eyes: Annotated[
        bool, typer.Option("--four-eyes", help="Whoever executes an erasure may not have approved it.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make an empty workspace, its keys beside it."""
    from expunge.access.policy import Policy
    from expunge.workspace import folder as folders

    folders.init(folder, keys, policy=Policy(four_eyes=four_eyes))
    place = (keys or folders.keys_beside(folder.resolve())).resolve()
    answer(
        {"workspace": str(folder.resolve()), "keys": str(place), "actor": "owner"},
        as_json=as_json,
        text=f"Made {folder}. Its keys are in {place}: back the two up apart, never together.",
    )
