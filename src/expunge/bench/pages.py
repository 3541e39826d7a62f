"""Tables and pictures of pages, filled in from results: between ``<!-- bench: NAME -->`` and ``<!-- end -->``."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from expunge.bench import plots, tables, targets
from expunge.bench.results import Results

NOTHING: Final = "Not measured yet.\n"

_BLOCK: Final = re.compile(r"(<!-- bench: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def fill(page: Path, results: Results, pictures: Path) -> None:
    """Fill in a page.

    Raises
    ------
    KeyError
        Where the page names what there is not.
    """
    before = page.read_text(encoding="utf-8")
    page.write_text(filled(before, results, os.path.relpath(pictures, page.parent)), encoding="utf-8")


def filled(page: str, results: Results, pictures: str) -> str:
    """Return a page with what was measured; `pictures` is their folder, as the page links to it.

    Raises
    ------
    KeyError
        Where the page names what there is not.
    """
    return _BLOCK.sub(lambda found: f"{found[1]}\n{_block(found[2], results, pictures)}\n{found[3]}", page)


def _block(name: str, results: Results, pictures: str) -> str:
    if name.startswith("plot "):
        name = name.removeprefix("plot ")
        words = plots.PICTURES[name].words
        return f"![{words}]({pictures}/{name}.svg)\n" if name in plots.drawable(results) else NOTHING
    if name == "targets":
        return targets.table(results)
    if name == "summary":
        return tables.summary(results) if {"accuracy", "forgetting"} <= results.keys() else NOTHING
    table = tables.PARTS[name]
    return f"{table(results[name]['found'])}\n{source(results[name])}\n" if name in results else NOTHING


def source(result: Mapping[str, Any]) -> str:
    """Say when, where and by which command something was measured."""
    machine = dict(result["machine"])
    processor, cores = machine.pop("processor"), machine.pop("cores")
    versions = ", ".join(f"{name} {version}" for name, version in machine.items())
    where = f"{processor}, {cores} cores; {versions}"
    return f"Measured {result['date']} by `{result['command']}`, {result['clock']} time; {where}."
