"""One run of the benchmark: parts, one after another, on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from threadpoolctl import threadpool_limits

from expunge.bench import (
    accuracy,
    adversary,
    forgetting,
    growth,
    results,
    rivals,
    sequences,
    serving,
    sharding,
    starting,
)
from expunge.bench.environment import environment
from expunge.bench.sizes import Size
from expunge.bench.timing import CLOCK

MEASURES: Final[dict[str, Callable[[Size], dict[str, Any]]]] = {
    "accuracy": accuracy.measure,
    "forgetting": forgetting.measure,
    "growth": growth.measure,
    "sequences": sequences.measure,
    "adversary": adversary.measure,
    "serving": serving.measure,
    "sharding": sharding.measure,
    "starting": starting.measure,
}


def run(parts: Sequence[str], out: Path, size: Size, command: str) -> Iterator[tuple[str, Path]]:
    """Measure parts; yields each with its file as soon as that is written.

    Parameters
    ----------
    parts : sequence of str
        Names in `results.PARTS`.
    out : Path
        Folder for the files.
    size : Size
    command : str
        What was asked for, to be noted.

    Raises
    ------
    InputError
        Where data are missing, or not those that are known.
    """
    with threadpool_limits(1):
        rivals.warm_up()
        for part in parts:
            begin = time.perf_counter()
            found = MEASURES[part](size)
            spent = round(time.perf_counter() - begin)
            noted = environment(command) | {"clock": CLOCK, "seconds": spent, "found": found}
            yield part, results.write(out, part, noted)
