"""All of a task: its worlds, its contestants, and the figures of each. What was done before is not done again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from expunge.bench.environment import environment
from expunge.bench.timing import CLOCK
from expunge.bench.unlearning import networks, records, scores
from expunge.bench.unlearning.contestants import (
    NETWORK,
    Again,
    Arrays,
    Base,
    Contestant,
    Work,
    contestant,
    job_of,
    learns,
    measured,
    untouched,
    yardstick,
)
from expunge.bench.unlearning.problems import Problem, load
from expunge.bench.unlearning.scores import Seen
from expunge.bench.unlearning.sizes import Size
from expunge.bench.unlearning.worlds import judged_worlds, shadow_worlds
from expunge.verification.shadows import Job, trained

Said = Callable[[str], None]


def run(
    task: str, methods: Sequence[str], n_seeds: int, size: Size, out: Path, n_jobs: int, command: str, said: Said
) -> Path:
    """Measure contestants on a task; returns the file of results.

    Parameters
    ----------
    task : str
    methods : sequence of str
        Names of contestants; those that cannot learn the task are left out.
    n_seeds : int
        Judged worlds.
    size : Size
    out : Path
        Folder for the results, and for what is kept of trained models (``out/kept``: personal data).
    n_jobs : int
        Processes.
    command : str
        What was asked for, to be noted.
    said : callable of str
        Is told what is being done.
    """
    problem, kept = load(task, size), out / "kept"
    shadows = [Work(problem, one, size, kept) for one in shadow_worlds(size.shadows, len(problem.candidates))]
    judged = [Work(problem, one, size, kept) for one in judged_worlds(n_seeds, len(problem.candidates))]
    stage = _Stage(shadows, judged, n_jobs, said)
    found: list[records.Record] = []
    for name in [one for one in methods if learns(one, problem)]:
        who = contestant(name)
        for seed, seen in enumerate(stage.seen(who)):
            said(f"{task}: {name}, seed {seed}: judged")
            found.extend(scores.records(problem, judged[seed].world, name, seed, seen, size.relearned))
    about = environment(command) | {"clock": CLOCK, "size": size.facts(), **_facts(problem)}
    return records.write(out, task, found, about)


def _facts(problem: Problem) -> dict[str, int]:
    return {
        "rows": len(problem.y),
        "people": len(np.unique(problem.people)),
        "candidates": len(problem.candidates),
        "test_rows": int(problem.test.sum()),
    }


class _Stage:
    """Measures contestants in all worlds; what many need is measured once, and held."""

    def __init__(self, shadows: list[Work], judged: list[Work], n_jobs: int, said: Said) -> None:
        self._shadows, self._judged, self._n_jobs, self._said = shadows, judged, n_jobs, said
        self._yardsticks: dict[str, tuple[list[Arrays], list[Arrays], list[Arrays]]] = {}

    def seen(self, who: Contestant) -> list[Seen]:
        """Return what there is to see of a contestant, for each seed."""
        before, again_there, again_here = self._of_base(who.base)
        shadows = again_there if isinstance(who, Again) else self._measure(who, self._shadows, False)
        here = self._measure(who, self._judged, True)
        ratios = [
            float(one["seconds"] / other["seconds"])
            for one, other in zip([*shadows, *here], [*again_there, *again_here], strict=True)
        ]
        worlds = [work.world for work in self._shadows]
        return [
            Seen(
                before[seed],
                here[seed],
                again_there,
                worlds,
                shadows,
                self._relearned(seed, again_there) if who.base is NETWORK else [],
                again_here[seed],
                ratios,
            )
            for seed in range(len(self._judged))
        ]

    def _of_base(self, base: Base) -> tuple[list[Arrays], list[Arrays], list[Arrays]]:
        if base.name not in self._yardsticks:
            again = yardstick(base)
            self._yardsticks[base.name] = (
                self._measure(untouched(base), self._judged, True),
                self._measure(again, self._shadows, True),
                self._measure(again, self._judged, True),
            )
        return self._yardsticks[base.name]

    def _measure(self, who: Contestant, works: list[Work], full: bool) -> list[Arrays]:
        self._said(
            f"{works[0].problem.name}: {who.name}, {len(works)} {'seeds' if works is self._judged else 'shadows'}"
        )
        return measured(works, who, full, self._n_jobs)

    def _relearned(self, seed: int, retrained: list[Arrays]) -> list[int]:
        """Return in how many steps each retrained network knows who left, as the model before did."""
        work = self._judged[seed]
        job = job_of(work, "", "relearned", shadows=str(len(retrained)))

        def make(_: Job) -> Arrays:
            target = networks.loss(work.problem, NETWORK.original(work), work.leave)
            steps = [
                networks.steps_to_relearn(
                    work.problem, networks.restored(work.problem, one), work.leave, target, work.size
                )
                for one in retrained
            ]
            return {"steps": np.array(steps)}

        (found,) = trained(make, [job], work.folder)
        return [int(one) for one in found["steps"]]
