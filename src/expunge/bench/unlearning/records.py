"""What was measured, as Parquet: one row per task, method, seed and metric. The file's schema says where and when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from expunge.errors import InputError

ABOUT: Final = b"expunge"
PREFIX: Final = "unlearning-"


@dataclass(frozen=True)
class Record:
    """One figure.

    Parameters
    ----------
    task, method : str
    seed : int
    metric : str
    value : float
        NaN where there is none.
    low, high : float
        Of its interval; NaN where it has none.
    words : str
        Of a verdict, its reason.
    """

    task: str
    method: str
    seed: int
    metric: str
    value: float
    low: float = float("nan")
    high: float = float("nan")
    words: str = ""


SCHEMA: Final = pa.schema(
    [
        ("task", pa.string()),
        ("method", pa.string()),
        ("seed", pa.int32()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("words", pa.string()),
    ]
)


def write(folder: Path, task: str, records: Iterable[Record], about: Mapping[str, Any]) -> Path:
    """Write what was measured of a task; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    schema = SCHEMA.with_metadata({ABOUT: json.dumps(about).encode()})
    file = folder / f"{PREFIX}{task}.parquet"
    pq.write_table(pa.Table.from_pylist([asdict(one) for one in records], schema), file, compression="zstd")
    return file


def read(files: Sequence[Path]) -> tuple[pd.DataFrame, dict[str, dict[str, Any]]]:
    """Return all records of some files, and what is known about each task's run.

    Raises
    ------
    InputError
        Where there is no file, or one is not what `write` wrote.
    """
    if not files:
        raise InputError("there are no results.", mend="Run `expunge bench unlearning` first.")
    frames: list[pd.DataFrame] = []
    about: dict[str, dict[str, Any]] = {}
    for file in files:
        table = pq.read_table(file)
        if table.schema.names != SCHEMA.names or ABOUT not in (table.schema.metadata or {}):
            raise InputError(f"{file} holds no results of this benchmark.", mend="Name what it wrote.")
        frame = table.to_pandas()
        frames.append(frame)
        about |= dict.fromkeys(frame["task"].unique().tolist(), json.loads(table.schema.metadata[ABOUT]))
    return pd.concat(frames, ignore_index=True), about


def found_in(folder: Path) -> list[Path]:
    """Return the files of results in a folder."""
    return sorted(folder.glob(f"{PREFIX}*.parquet"))
