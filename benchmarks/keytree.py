"""Time erasures in a key tree of ten million keys, on disk: one person, and a batch of ten thousand; and pages' sizes.

    python benchmarks/keytree.py --out benchmarks/results/keytree.json

The tree is filled range by range, so that memory holds one range: it is the tree that all at once would give.
An erasure is what the step `shredded` does with keys: a new root key, the ways re-keyed, the commit,
the old root destroyed, the log of the database truncated: that is `whole`, which mostly waits for the disk to flush,
so its processor time stands beside it. `rekey` is the work on the tree, in which nothing is flushed. The file system's
cache is warm, the database's own is cold.
"""

from __future__ import annotations

import argparse
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

from expunge.bench import results
from expunge.bench.environment import environment
from expunge.vault import database, pages, rotation, store, tree
from expunge.vault.keys import new_key, new_tokens
from expunge.vault.store import Vault
from expunge.vault.subjects import new_refs

RANGE = 40_000
"""Keys that are put in at once."""
COMING = 100_000
"""Keys of one import."""
CAPACITIES = (36, 72, 144, 288)


@dataclass(frozen=True)
class Took:
    """Seconds by the clock on the wall, and of the processor."""

    wall: float
    processor: float


def timed(act: Callable[[], object]) -> Took:
    """Return what something takes."""
    wall, processor = time.perf_counter(), time.process_time()
    act()
    return Took(time.perf_counter() - wall, time.process_time() - processor)


def summed_up(took: list[Took]) -> dict[str, float]:
    """Return medians, and the worst by the clock on the wall."""
    wall, processor = [one.wall for one in took], [one.processor for one in took]
    figures = {"processor_median": median(processor), "wall_median": median(wall), "wall_worst": max(wall)}
    return {name: round(seconds, 5) for name, seconds in figures.items()}


def add(vault: Vault, keys: dict[bytes, bytes]) -> None:
    """Put keys in, in one transaction."""
    with vault.transaction() as connection:
        pages.add(vault, connection, keys)


def fill(vault: Vault, number: int, sampled: int) -> list[bytes]:
    """Put so many keys in, range by range; returns about so many of their owners, from all ranges."""
    ranges = -(-number // RANGE)
    sample: list[bytes] = []
    for one in range(ranges):
        low, high = (2**64 * end // ranges for end in (one, one + 1))
        share = number * (one + 1) // ranges - number * one // ranges
        heads = (low + secrets.randbelow(high - low) for _ in range(share))
        owners = [head.to_bytes(8, "big") + secrets.token_bytes(8) for head in heads]
        add(vault, dict(zip(owners, new_tokens(len(owners)), strict=True)))
        sample += owners[: -(-sampled // ranges)]
    return sample


@contextmanager
def noting(into: list[Took]) -> Iterator[None]:
    """Note how long the tree takes within an erasure."""
    erase = pages.erase
    with mock.patch.object(pages, "erase", lambda *given: into.append(timed(lambda: erase(*given)))):
        yield


def shred(vault: Vault, owners: list[bytes]) -> None:
    """Do with keys what the step `shredded` does."""
    with vault.transaction() as connection:
        version = rotation.rewrap(vault, connection, owners, ())
    rotation.destroy_old(vault, version)
    database.truncate_wal(vault.engine)


def erasures(vault: Vault, batches: list[list[bytes]]) -> dict[str, Any]:
    """Erase batches; returns the seconds that one takes."""
    rekey: list[Took] = []
    with noting(rekey):
        whole = [timed(partial(shred, vault, batch)) for batch in batches]
    return {"rekey_seconds": summed_up(rekey), "whole_seconds": summed_up(whole)}


def measure(number: int, batch: int, repeats: int) -> dict[str, Any]:
    """Fill a tree, erase, and put in what an import brings."""
    with tempfile.TemporaryDirectory() as place:
        for part in ("vault", "vault.keys"):
            (Path(place) / part).mkdir()
        vault = store.create(Path(place) / "vault", Path(place) / "vault.keys")
        empty = timed(lambda: add(vault, dict.fromkeys(new_refs(COMING), new_key())))
        database.truncate_wal(vault.engine)
        began = time.process_time()
        leaving = fill(vault, number - COMING, repeats + 3 * batch)
        filled = time.process_time() - began
        database.truncate_wal(vault.engine)
        random.Random(0).shuffle(leaving)  # noqa: S311 - who leaves first is no secret
        size = (vault.folder / "expunge.db").stat().st_size
        many = [leaving[repeats + one * batch : repeats + (one + 1) * batch] for one in range(3)]
        found = {
            "keys": number,
            "bytes_per_key": round(size / number, 1),
            "fill_processor_seconds": round(filled, 2),
            "import": {"keys": COMING, "into_empty_seconds": summed_up([empty])},
            "one": {"erasures": repeats} | erasures(vault, [[owner] for owner in leaving[:repeats]]),
            "batch": {"people": batch} | erasures(vault, many),
        }
        into_full = timed(lambda: add(vault, dict.fromkeys(new_refs(COMING), new_key())))
        found["import"]["into_full_seconds"] = summed_up([into_full])
        vault.engine.dispose()
    return found


def capacities(number: int, batch: int, repeats: int) -> dict[str, Any]:
    """Measure with other sizes of a page."""
    found = {}
    for capacity in CAPACITIES:
        with mock.patch.multiple(tree, CAPACITY=capacity, FILL=capacity * 3 // 4):
            found[str(capacity)] = measure(number, batch, repeats)
    return found


def main() -> None:
    """Run everything and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--keys", type=int, default=10_000_000)
    parser.add_argument("--batch", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=50, help="erasures of one person")
    parser.add_argument("--compare", type=int, default=1_000_000, help="keys in the trees of other page sizes")
    given = parser.parse_args()
    command = " ".join(["python", "benchmarks/keytree.py", *sys.argv[1:]])
    found = {"capacity": tree.CAPACITY, **measure(given.keys, given.batch, given.repeats)}
    found["capacities"] = capacities(given.compare, given.batch, given.repeats)
    results.write(given.out.parent, given.out.stem, environment(command) | {"found": found})


if __name__ == "__main__":
    main()
