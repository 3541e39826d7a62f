"""Erase in processes that die: run by test_kills.py, once, so that the libraries are imported once.

    kill_driver.py FOLDER OUT REQUEST...     for every boundary: copy FOLDER, die there, go on in another process
    kill_driver.py --hold FOLDER REQUEST...  erase, and stop half way until a line comes in

Every run is a process of its own (`os.fork`), and dies by a real SIGKILL. A boundary is: before and after what a step
prepares, just before and just after the commit of a step, and before and after every other durable thing that is done
on the way (a commit, a file written or destroyed).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from expunge.domain.request import STEPS, State
from expunge.erasure import execute, letters
from expunge.erasure.steps import certify, notify, shred
from expunge.log.sparse import members_root
from expunge.vault import blobs, identity, keys, records, rotation
from expunge.vault.store import Vault
from expunge.verification import remanence
from expunge.workspace.folder import keys_beside, open_workspace

ALSO_USED = (certify, members_root, remanence)  # imported here, before the forks


@dataclass
class Boundaries:
    """Counts boundaries; at number `fatal` the process dies."""

    fatal: int | None
    names: list[str]

    def reach(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) - 1 == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def bounded(*arguments: Any, **named: Any) -> Any:
            self.reach(f"before {name}")
            answer = act(*arguments, **named)
            self.reach(f"after {name}")
            return answer

        return bounded


def instrument(at: Boundaries) -> None:
    """Put a boundary at everything durable; steps are found in `execute.WORK`, so a new one is covered too."""
    for state, step in execute.WORK.items():
        if step.prepare is not execute._nothing:
            execute.WORK[state] = replace(step, prepare=at.around(f"preparing {state}", step.prepare))
    move = execute._move

    def moved(workspace: Any, connection: Any, batch: Any, state: State) -> None:
        move(workspace, connection, batch, state)
        at.reach(f"before committing {state}")

    execute._move = moved
    transaction = Vault.transaction

    @contextlib.contextmanager
    def bounded(self: Vault) -> Iterator[Any]:
        with transaction(self) as connection:
            before = connection.exec_driver_sql("SELECT total_changes()").scalar()
            yield connection
            changed = connection.exec_driver_sql("SELECT total_changes()").scalar() != before
        if changed:
            at.reach("after a commit")

    Vault.transaction = bounded  # type: ignore[method-assign]
    for module in (blobs, records, notify, letters):
        module.write_atomically = at.around("writing a file", module.write_atomically)  # type: ignore[attr-defined]
    for module, name in ((keys, "destroy_file"), (identity, "destroy_file"), (keys, "write_secret")):
        setattr(module, name, at.around(name, getattr(module, name)))
    shred.destroy_old = at.around("destroying the old root", rotation.destroy_old)  # type: ignore[attr-defined]


def in_a_process(act: Callable[[], None]) -> int:
    """Run in a fork; returns how it ended, as `os.waitstatus_to_exitcode` says it."""
    child = os.fork()
    if child == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001  # the fork must end here, whatever happened
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def erase(folder: Path, requests: list[str], fatal: int | None, names: Path | None = None) -> None:
    at = Boundaries(fatal, [])
    instrument(at)
    execute.erase(open_workspace(folder), requests, lambda state: at.reach(f"after committing {state}"))
    if names is not None:
        names.write_text(json.dumps(at.names))


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    shutil.copytree(keys_beside(folder), keys_beside(to))
    return to


def kill_everywhere(folder: Path, out: Path, requests: list[str]) -> None:
    """Write ``names.json``, the boundaries; ``unkilled``; ``N`` for each boundary; ``ends-*.json``: how they ended."""
    # Once in this process, so that what is imported late is there before the forks.
    execute.erase(open_workspace(copied(folder, out / "warm")), requests)
    whole = copied(folder, out / "unkilled")
    assert in_a_process(lambda: erase(whole, requests, None, out / "names.json")) == 0
    chosen = worth_dying_at(json.loads((out / "names.json").read_text()))
    other = os.fork()  # two at a time
    own = chosen[0::2] if other else chosen[1::2]
    ends = {number: die_and_go_on(copied(folder, out / str(number)), requests, number) for number in own}
    (out / f"ends-{'a' if other else 'b'}.json").write_text(json.dumps(ends))
    if other == 0:
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]) == 0


def die_and_go_on(place: Path, requests: list[str], number: int) -> tuple[int, int]:
    killed = in_a_process(lambda: erase(place, requests, number))
    return killed, in_a_process(lambda: erase(place, requests, None))


def worth_dying_at(names: list[str]) -> list[int]:
    """Every boundary of a step; and of two others with nothing durable between them, one."""
    return [
        number
        for number, name in enumerate(names)
        if any(name.endswith(state) for state in STEPS)
        or (
            not (name.startswith("before") and number and names[number - 1].startswith("after"))
            and not "".join(names[number + 1 : number + 2]).startswith("after committing")
        )
    ]


def hold(folder: Path, requests: list[str]) -> None:
    def stop(state: State) -> None:
        if state is State.VERIFIED:
            print("half way", flush=True)
            sys.stdin.readline()

    execute.erase(open_workspace(folder), requests, stop)


if __name__ == "__main__":
    if sys.argv[1] == "--hold":
        hold(Path(sys.argv[2]), sys.argv[3:])
    else:
        kill_everywhere(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
