"""What was measured: a JSON file for each part, so that parts can be measured apart and shown together."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

PARTS: Final = ("accuracy", "forgetting", "growth", "sequences", "adversary", "serving", "sharding", "starting")

Results = Mapping[str, Mapping[str, Any]]
"""Part -> command, date, machine, clock, seconds, and `found`."""

_NUMBERS: Final = re.compile(r"\[\n([-+.\deE,\s]+?)\n\s*\]")
"""No text in JSON holds a line's end, so none is taken for numbers."""


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the parts that were measured."""
    files = {part: folder / f"{part}.json" for part in PARTS}
    return {part: json.loads(file.read_text(encoding="utf-8")) for part, file in files.items() if file.is_file()}


def write(folder: Path, part: str, result: Mapping[str, Any]) -> Path:
    """Write what was measured of a part; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{part}.json"
    file.write_text(spelled(result), encoding="utf-8")
    return file


def spelled(result: Mapping[str, Any]) -> str:
    """Return a result as JSON, a list of numbers on one line.

    Examples
    --------
    >>> print(spelled({"times": [0.1, 2]}), end="")
    {
      "times": [0.1, 2]
    }
    """
    text = json.dumps(result, indent=2, ensure_ascii=False)
    return _NUMBERS.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n"
