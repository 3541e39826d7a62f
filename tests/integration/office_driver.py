"""Hold, withdraw and import in processes that die: run by test_office_kills.py, once for each verb.

    office_driver.py VERB FOLDER OUT ARGUMENT

For every boundary (see kill_driver.py): copy FOLDER, die there by a real SIGKILL, give the same command again.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import Final

from kill_driver import (  # type: ignore[import-not-found]  # beside this file, which is run as a script
    Boundaries,
    copied,
    in_a_process,
    instrument,
    worth_dying_at,
)

from expunge.domain.request import Law
from expunge.erasure import bulk, holding, letters, planning, requests, withdrawing
from expunge.vault import identity
from expunge.workspace.folder import open_workspace

UNTIL: Final = date(2199, 1, 1)
ALSO: Final = (
    (requests, "move_all"),  # in the middle of a transaction
    (letters, "write_all_atomically"),
    (identity, "write_secrets"),
    (identity, "destroy_files"),
)


def act(verb: str, folder: Path, argument: str, fatal: int | None = None, names: Path | None = None) -> None:
    at = Boundaries(fatal, [])
    instrument(at)
    for module, name in ALSO:
        setattr(module, name, at.around(name, getattr(module, name)))
    planning.AT_ONCE = 20  # type: ignore[misc]  # so that a small file takes several transactions
    workspace = open_workspace(folder)
    if verb == "hold":
        holding.hold(workspace, argument, "17(3)(e)", UNTIL)
    elif verb == "withdraw":
        withdrawing.withdraw(workspace, argument)
    else:
        bulk.import_file(workspace, Path(argument), Law.GDPR, date(2026, 11, 2))
    if names is not None:
        names.write_text(json.dumps(at.names))


def main(verb: str, folder: Path, out: Path, argument: str) -> None:
    """Write ``unkilled`` and, for each boundary, ``N``; ``ends.json``: N -> what it is, and how both runs ended."""
    whole, names = copied(folder, out / "unkilled"), out / "names.json"
    assert in_a_process(partial(act, verb, whole, argument, names=names)) == 0
    ends = {}
    reached = json.loads(names.read_text())
    for number in worth_dying_at(reached):
        place = copied(folder, out / str(number))
        killed = in_a_process(partial(act, verb, place, argument, number))
        ends[number] = (reached[number], killed, in_a_process(partial(act, verb, place, argument)))
    (out / "ends.json").write_text(json.dumps(ends))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
