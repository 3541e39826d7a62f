"""Reading tables: CSV, Parquet and data frames become a `RawTable`.

What is wrong with the file's shape is collected as faults and reported together with what is wrong with its cells
(`expunge.datasets.check`). Only a file that cannot be read at all fails here.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import itertools
import math
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from expunge.datasets.raw import RawColumn, RawTable, from_codes, text
from expunge.errors import DataError, Fault, InputError

if TYPE_CHECKING:
    import pandas as pd

MISSING: Final = frozenset({"", "NA", "NaN", "nan", "null", "NULL", "None", "?"})
"""What a missing cell looks like in a CSV file, spaces around it aside. Data frames say it by None, NaN, NaT or NA."""

LISTED: Final = 20
"""How many faults of one sort in one column are listed one by one; the rest are counted."""

_CHUNK: Final = 256
_MEND: Final = "Correct the file and import it again."


def read_table(path: str | Path) -> RawTable:
    """Read a file by its extension: ``.csv``, ``.csv.gz`` or ``.parquet``.

    Raises
    ------
    InputError
        For another extension, or where the file cannot be opened.
    DataError
        Where the file is empty or not of its format.
    """
    name = Path(path).name.lower()
    if name.endswith((".csv", ".csv.gz")):
        return read_csv(path)
    if name.endswith(".parquet"):
        return read_parquet(path)
    raise InputError(f"{str(path)!r} is of no known format.", mend="Give a .csv, .csv.gz or .parquet file.")


def read_csv(source: str | Path | BinaryIO) -> RawTable:
    r"""Read comma-separated values (RFC 4180, UTF-8, one header line).

    Parameters
    ----------
    source : path, or file opened for reading bytes
        Decompressed where it begins as a gzip file does.

    Returns
    -------
    RawTable
        Untyped cells. Rows with too few or too many fields, and faulty column names, are among its faults.

    Raises
    ------
    DataError
        Where the file is empty, has no rows that can be read, or is no gzip file though it begins as one.

    Examples
    --------
    >>> raw = read_csv(io.BytesIO(b"id,age\n7,50\n8,?\n"))
    >>> raw.names, raw.columns[1].cells, raw.columns[1].codes.tolist()
    (('id', 'age'), ('50',), [0, -1])
    """
    called, data = _bytes(source)
    # Bytes that are no UTF-8 become lone surrogates here, which the checks name by row and column.
    lines = io.StringIO(data.decode("utf-8-sig", errors="surrogateescape"), newline="")
    faults: list[Fault] = []
    records = _until_broken(csv.reader(lines, strict=True), faults)
    header = next(records, [])
    if not header:
        what = Fault("the header is missing: the file is empty, or begins with a blank line")
        raise DataError(called, faults or [what], mend=_MEND)
    columns, rows, wrong = _csv_columns(header, records)
    faults = [*_name_faults(header), *_length_faults(wrong, len(header)), *faults]
    if not len(rows):
        raise DataError(called, faults or [Fault("there are no rows")], mend=_MEND)
    return RawTable(called, columns, rows, tuple(faults))


def read_parquet(source: str | Path | BinaryIO) -> RawTable:
    """Read an Apache Parquet file (needs pyarrow); whole numbers with missing cells stay whole.

    A stored pandas index is an ordinary column if it has a name or values of its own.

    Raises
    ------
    DataError
        Where it is no Parquet file, or has no rows.
    InputError
        Where pyarrow is not installed or the file cannot be opened.
    """
    import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

    called, data = _bytes(source)
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        raise InputError(
            f"{called} is a Parquet file, and pyarrow is not installed.", mend='Run: pip install "expunge[parquet]"'
        ) from error
    whole = {
        getattr(arrow, name)(): pd.api.types.pandas_dtype(name.replace("i", "I").replace("u", "U"))
        for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    }
    nullable = {**whole, arrow.bool_(): pd.BooleanDtype()}
    try:
        frame = parquet.read_table(arrow.BufferReader(data)).to_pandas(ignore_metadata=True, types_mapper=nullable.get)
    except (arrow.ArrowException, OSError) as error:
        raise DataError(called, [Fault(f"it is no Parquet file: {error}")], mend=_MEND) from error
    return read_frame(frame, source=called)


def read_frame(frame: pd.DataFrame, source: str = "the data frame") -> RawTable:
    """Take the columns of a data frame; its index is left aside.

    Booleans are the numbers 0 and 1; columns of dtype ``category`` are text; everything else means what its type
    says (the text "7" is no number). Nothing of the frame is kept.

    Raises
    ------
    DataError
        Where it has no columns or no rows.
    """
    if frame.empty:
        raise DataError(source, [Fault("there are no rows")], mend="Give a data frame with rows and columns.")
    names = [name if isinstance(name, str) else repr(name) for name in frame.columns]
    faults = [
        Fault(f"the name is a {type(name).__name__}, not text", column=repr(name))
        for name in frame.columns
        if not isinstance(name, str)
    ]
    columns = tuple(_frame_column(name, frame.iloc[:, place]) for place, name in enumerate(names))
    rows = np.arange(1, len(frame) + 1, dtype=np.int64)
    return RawTable(source, columns, rows, (*faults, *_name_faults(names)))


def _bytes(source: str | Path | BinaryIO) -> tuple[str, bytes]:
    """Return what to call the source, and all of it."""
    if isinstance(source, str | Path):
        called = Path(source).name
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise InputError(
                f"{str(source)!r} cannot be read: {error.strerror}.", mend="Give the path of a readable file."
            ) from error
    else:
        called, data = "the file", source.read()
    if data[:2] == b"\x1f\x8b":  # RFC 1952 section 2.3.1
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(called, [Fault(f"it is no whole gzip file: {error}")], mend=_MEND) from error
    return called, data


def _until_broken(reader: Iterator[list[str]], faults: list[Fault]) -> Iterator[list[str]]:
    """Yield records, the header first; where the syntax breaks, end with a fault."""
    for row in itertools.count():
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            faults.append(Fault(f"this is no CSV from here on: {error}", row=row or None))
            return
        yield record


def _csv_columns(
    header: Sequence[str], records: Iterator[list[str]]
) -> tuple[tuple[RawColumn, ...], npt.NDArray[np.int64], dict[int, int]]:
    """Return columns, the numbers of the rows in them, and the lengths of rows of a wrong length.

    Small chunks are turned on their side one after another: distinct cells are numbered while they are in the
    processor's cache, and the garbage collector never sees more than a chunk's lists (together four times as fast).
    """
    numbering = [defaultdict[str, int](itertools.count().__next__) for _ in header]
    codes = [array("q") for _ in header]
    rows = array("q")
    wrong: dict[int, int] = {}
    done = 0
    while chunk := list(itertools.islice(records, _CHUNK)):
        fitting = []
        for row, record in enumerate(chunk, start=done + 1):
            if len(record) == len(header):
                rows.append(row)
                fitting.append(record)
            else:
                wrong[row] = len(record)
        done += len(chunk)
        for known, column, cells in zip(numbering, codes, zip(*fitting, strict=True), strict=False):
            column.extend(map(known.__getitem__, cells))
    while wrong.get(done) == 0:  # blank lines at the end are no rows
        del wrong[done]
        done -= 1
    columns = tuple(
        from_codes(
            name, np.array(column, np.int64), list(known), [cell.strip() in MISSING for cell in known], typed=False
        )
        for name, known, column in zip(header, numbering, codes, strict=True)
    )
    return columns, np.array(rows, np.int64), wrong


def _length_faults(wrong: dict[int, int], width: int) -> list[Fault]:
    listed = itertools.islice(wrong.items(), LISTED)
    faults = [Fault(f"has {length} fields, the header has {width}", row=row) for row, length in listed]
    more = len(wrong) - len(faults)
    return [*faults, Fault(f"and {more} more rows of a wrong length")] if more else faults


def _frame_column(name: str, column: pd.Series[Any]) -> RawColumn:
    import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

    if column.dtype == object:
        codes, distinct = _typed_codes(column)
    else:
        codes, found = pd.factorize(column)
        distinct = list(found.tolist())
    if isinstance(column.dtype, pd.CategoricalDtype):
        distinct = [cell if cell is None else text(cell) for cell in distinct]
    plain = [_plain(cell) for cell in distinct]
    return from_codes(name, codes, plain, [cell is None for cell in plain], typed=True)


def _typed_codes(column: pd.Series[Any]) -> tuple[npt.NDArray[np.int64], list[object]]:
    """Factorise cells of any types; 1, True, 1.0 and "1" stay four different cells."""
    known: dict[tuple[type, object], int] = {}
    distinct: list[object] = []
    codes = np.empty(len(column), dtype=np.int64)
    for row, cell in enumerate(column.tolist()):
        try:
            code = known.setdefault((type(cell), cell), len(distinct))
        except TypeError:  # not hashable: a list, say, which no kind of column takes
            code = known.setdefault((type(cell), repr(cell)), len(distinct))
        if code == len(distinct):
            distinct.append(cell)
        codes[row] = code
    return codes, distinct


def _plain(cell: object) -> object:
    """Return a str, int or float where there is one, None for a missing cell, anything else as it is."""
    import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

    if cell is None or cell is pd.NA or cell is pd.NaT:
        return None
    if isinstance(cell, str):
        return str(cell)
    if isinstance(cell, bool | np.bool_ | int | np.integer):
        return int(cell)
    if isinstance(cell, float | np.floating | Decimal):
        value = float(cell)
        return None if math.isnan(value) else value
    return cell


def _name_faults(names: Sequence[str]) -> list[Fault]:
    places: dict[str, list[int]] = {}
    for place, name in enumerate(names, start=1):
        places.setdefault(name, []).append(place)
    unnamed = [Fault(f"column {place} has no name") for place, name in enumerate(names, start=1) if not name.strip()]
    twice = [
        Fault(f"the name stands more than once: columns {', '.join(map(str, where))}", column=name)
        for name, where in places.items()
        if len(where) > 1 and name.strip()
    ]
    odd = [Fault(f"the name {problem}", column=name) for name in places if (problem := text_problem(name))]
    return [*unnamed, *twice, *odd]


def text_problem(cell: str) -> str | None:
    """Return what is wrong with a text, if it cannot be stored as UTF-8."""
    if "\0" in cell:
        return "holds a NUL character"
    if not cell.isascii() and any("\ud800" <= letter <= "\udfff" for letter in cell):
        return "is not valid UTF-8"
    return None
