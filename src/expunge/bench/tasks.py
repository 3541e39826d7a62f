"""What is predicted, and from whose rows.

Adult: is an income above 50,000 dollars (48,842 people)? Diabetes-130: does a patient come back within thirty days
(101,766 encounters of 71,518 people)? Credit: does a client default (30,000 people)? Digits: which one is written
(MNIST's 10,000 test images)? All are files in the folder that ``EXPUNGE_DATA_DIR`` names, known by their SHA-256.
Products: is the sum of three products of columns positive (20,000 made-up rows)? Alone a column tells nothing.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from expunge.errors import InputError

Rows = npt.NDArray[np.bool_]

VARIABLE: Final = "EXPUNGE_DATA_DIR"
SHA256: Final = {
    "adult.csv.gz": "eef1516246839b644cb0b846ed9ad53de606fcd7ade7b5b5d79c74aaff7e5a01",
    "diabetes130.csv.gz": "76bef08904eb0ed28aad6df57929285555a4936f383b1dc43eb457f03c311d81",
    "credit_default.csv.gz": "e4202fe203bbafc6b156480a561d210f01c6b481bbe29fc439c2a60b133b57a6",
    "mnist_t10k.parquet": "5819db4cd35f25c8ecb3b5f6e32a18ae6c8a8eea55ac50a968baaeb59a1d1f8c",
}
_MEND: Final = f"Set {VARIABLE} to the folder that holds {', '.join(SHA256)}."
_HELD_OUT: Final = 5
"""One person in so many."""


@dataclass(frozen=True, eq=False)
class Task:
    """Rows of people, and what is to be predicted of them.

    Parameters
    ----------
    X : DataFrame (n_rows, n_features)
        Numbers and words.
    y : ndarray of int (n_rows,)
        0 or 1; of digits, which one.
    people : ndarray of int (n_rows,)
        Whose row it is.
    """

    X: pd.DataFrame
    y: npt.NDArray[Any]
    people: npt.NDArray[Any]

    @cached_property
    def categories(self) -> pd.DataFrame:
        """The columns of words as pandas' categories, for who takes them."""
        words = [column for column in self.X if not pd.api.types.is_numeric_dtype(self.X[column])]
        return self.X.astype(dict.fromkeys(words, "category"))

    def coded(self) -> Task:
        """Return the task with words as numbers, their places among all words of the column: the same for everybody."""
        X = self.categories.copy()
        for column in X.select_dtypes("category"):
            X[column] = X[column].cat.codes.astype(np.int64)
        return Task(X, self.y, self.people)

    def where(self, rows: npt.NDArray[Any]) -> Task:
        """Return the task of some rows."""
        return Task(self.X[rows], self.y[rows], self.people[rows])

    def some(self, n_people: int | None, rng: np.random.Generator) -> Task:
        """Return the task of some people, drawn; of all for None."""
        everybody = np.unique(self.people)
        if n_people is None or n_people >= len(everybody):
            return self
        return self.where(np.isin(self.people, rng.choice(everybody, n_people, replace=False)))

    def train(self, split: int) -> Rows:
        """Tell which rows are learned from: those of four fifths of the people, drawn for each split."""
        everybody = np.unique(self.people)
        held_out = np.random.default_rng(split).permutation(everybody)[: len(everybody) // _HELD_OUT]
        return ~np.isin(self.people, held_out)


def adult() -> Task:
    """Load Adult (UCI, CC BY 4.0); each row is a person."""
    frame = _frame("adult.csv.gz")
    X = frame.drop(columns=["income", "split", "education"])
    return Task(X, frame["income"].to_numpy().astype(int), np.arange(len(frame)))


def diabetes() -> Task:
    """Load Diabetes-130 (UCI, CC BY 4.0): encounters of patients; diagnoses become the numbers of their chapters."""
    frame = _frame("diabetes130.csv.gz")
    X = frame.drop(columns=["readmitted", "encounter_id", "patient_nbr", "weight", "examide", "citoglipton"])
    for column in ("diag_1", "diag_2", "diag_3"):
        X[column] = X[column].map(_chapter)
    return Task(X, (frame["readmitted"] == "<30").to_numpy().astype(int), frame["patient_nbr"].to_numpy())


def credit() -> Task:
    """Load the default of credit card clients (UCI, CC BY 4.0); each row is a person."""
    frame = _frame("credit_default.csv.gz")
    X = frame.drop(columns=["ID", "defaulted"])
    return Task(X, frame["defaulted"].to_numpy().astype(int), frame["ID"].to_numpy())


def digits() -> Task:
    """Load MNIST's test images (LeCun, Cortes, Burges): 28 by 28 pixels from 0 to 255; each is a person's."""
    frame = pd.read_parquet(io.BytesIO(_bytes("mnist_t10k.parquet")))
    X = frame.drop(columns=["label"]).astype(np.float64)
    return Task(X, frame["label"].to_numpy().astype(int), np.arange(len(frame)))


def products() -> Task:
    """Make up 20,000 rows whose labels come from products of columns.

    Examples
    --------
    >>> task = products()
    >>> task.X.shape, round(float(task.y.mean()), 1)
    ((20000, 10), 0.5)
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 10))
    signal = X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3] + X[:, 4] * X[:, 5]
    y = (signal + rng.normal(size=len(X)) > 0).astype(int)
    return Task(pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])]), y, np.arange(len(X)))


REAL: Final[dict[str, Callable[[], Task]]] = {"adult": adult, "diabetes130": diabetes}
ALL: Final = REAL | {"products": products}
TITLES: Final = {"adult": "Adult", "diabetes130": "Diabetes-130", "products": "Products"}


def loaded(which: Mapping[str, Callable[[], Task]], n_people: int | None) -> Iterator[tuple[str, Task]]:
    """Yield tasks, one after another, each of so many people."""
    for name, load in which.items():
        yield name, load().some(n_people, np.random.default_rng(0))


def _frame(name: str) -> pd.DataFrame:
    data = io.BytesIO(_bytes(name))
    return pd.read_csv(data, compression="gzip", keep_default_na=False, low_memory=False)


def _bytes(name: str) -> bytes:
    if not os.environ.get(VARIABLE):
        raise InputError(f"{VARIABLE} is not set.", mend=_MEND)
    path = Path(os.environ[VARIABLE]) / name
    if not path.is_file():
        raise InputError(f"{path} does not exist.", mend=_MEND)
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256[name]:
        raise InputError(f"{path} has SHA-256 {found[:16]}..., not {SHA256[name][:16]}...", mend="Get the file again.")
    return data


def _chapter(code: str) -> float:
    if code in {"", "?"}:
        return float("nan")
    return {"V": 1000.0, "E": 1001.0}.get(code[0]) or float(code)
