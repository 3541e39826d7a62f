"""Run the command line in processes that die at random instants: run by test_faults.py, so that imports happen once.

    fault_driver.py FOLDER OUT SEED TIMES REQUEST...

Every command is the real one (`expunge.cli.app.main`) in a process of its own (`os.fork`), which dies by a real SIGKILL
after a time drawn from 0 to what the command may take: somewhere inside a step, most often. Writes
``results.json``: one dict a run.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

from expunge.cli import app
from expunge.erasure import doctor, execute
from expunge.workspace.folder import keys_beside, open_workspace

ALSO_USED = (doctor,)  # imported here, before the forks


def start(folder: Path, said: Path, *arguments: str) -> int:
    """Start a command in a fork, its output in a file; returns the process id."""
    child = os.fork()
    if child == 0:
        out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        os.dup2(os.open(said.with_suffix(".err"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        sys.argv = ["expunge", *arguments, "--workspace", str(folder), "--json"]
        code = 0
        try:
            app.main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    return child


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    said = folder.with_suffix(".out")
    code = ended(start(folder, said, *arguments))
    text = said.read_text()
    return {"code": code, "said": json.loads(text) if text else None, "err": said.with_suffix(".err").read_text()}


def copied(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    shutil.copytree(keys_beside(folder), keys_beside(to))
    return to


def die_at_random(pristine: Path, place: Path, requests: list[str], instants: list[float]) -> dict[str, Any]:
    """Kill the erasure once for each instant, ask what state it is in, and let it end."""
    folder = copied(pristine, place)
    kills = []
    for instant in instants:
        child = start(folder, place.with_suffix(".killed"), "erase", *requests)
        time.sleep(instant)
        os.kill(child, signal.SIGKILL)
        code = ended(child)
        kills.append({"instant": instant, "code": code, "list": run(folder, "request", "list")})
        kills[-1]["doctor"] = run(folder, "doctor")
    end = run(folder, "erase", *requests)
    again = run(folder, "erase", *requests)
    return {"kills": kills, "end": end, "again": again, "doctor": run(folder, "doctor")}


def main(pristine: Path, out: Path, seed: int, times: int, requests: list[str]) -> None:
    execute.erase(open_workspace(copied(pristine, out / "warm")), requests)  # what is imported late is there from here
    whole = copied(pristine, out / "unkilled")
    begin = time.perf_counter()
    undisturbed = run(whole, "erase", *requests)
    duration = time.perf_counter() - begin
    chance = random.Random(seed)  # noqa: S311 - which instant is no secret
    # Two at a time take longer than one alone. Every fourth is killed twice: while it goes on, too.
    instants = [[chance.uniform(0, 1.6 * duration) for _ in range(1 + (number % 4 == 3))] for number in range(times)]
    other = os.fork()  # two at a time
    mine = range(0, times, 2) if other else range(1, times, 2)
    found = {number: die_at_random(pristine, out / str(number), requests, instants[number]) for number in mine}
    (out / f"results-{'a' if other else 'b'}.json").write_text(json.dumps(found))
    if other == 0:
        os._exit(0)
    assert ended(other) == 0
    runs = json.loads((out / "results-a.json").read_text()) | json.loads((out / "results-b.json").read_text())
    result = {"seconds": duration, "undisturbed": undisturbed, "runs": runs}
    (out / "results.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
