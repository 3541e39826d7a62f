"""Shadow models: trained in parallel processes, once, and kept by digest for every attack and method that wants them.

A job is told by the facts that decide its result and by who is in; SHA-256 over both names its file,
``<digest>.npz``: arrays without a pickle, and behind them 32 bytes, SHA-256 over the job's digest and the arrays. Files
are written whole or not at all, by the process that trained: a kill loses the models that were being trained, and the
next call goes on from there. A file that is torn, altered or another job's is not believed, and trained anew. (Whoever
can write into the folder can also write the checksum: it tells accidents, not forgers who take the trouble.)

A job trains with one thread of the numerical libraries, so that what it gives depends on no number of processes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from expunge.domain.digest import canonical_json
from expunge.errors import InputError

Arrays: TypeAlias = dict[str, npt.NDArray[Any]]

_CHECKSUM: Final = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Job:
    """One shadow model that is to be.

    Parameters
    ----------
    facts : mapping
        Everything that decides the result beside who is in: digest of the data, hyperparameters, method, seed,
        versions. As `expunge.domain.digest.canonical_json` takes it, so figures as decimal strings.
    members : ndarray of bool (n_subjects,)
        Who is in.
    """

    facts: Mapping[str, Any]
    members: npt.NDArray[np.bool_]

    @property
    def digest(self) -> str:
        """SHA-256 over facts and members, 64 hex characters.

        Examples
        --------
        >>> Job({"seed": 0}, np.array([True, False])).digest[:8]
        'db2b2322'
        """
        members = np.asarray(self.members)
        if members.dtype != np.bool_ or members.ndim != 1:
            raise InputError(f"members are {members.dtype} of shape {members.shape}.", mend="Give a bool per subject.")
        facts = canonical_json(dict(self.facts))
        digest = hashlib.sha256(b"expunge shadow v1\n")
        for part in (facts, len(members).to_bytes(8, "big"), np.packbits(members).tobytes()):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.hexdigest()


def halves(n_models: int, n_subjects: int, seed: int) -> npt.NDArray[np.bool_]:
    """Draw who is in which shadow model: each subject in exactly half of them, subjects independent of each other.

    Parameters
    ----------
    n_models : int
        Even.
    n_subjects : int
    seed : int

    Returns
    -------
    ndarray of bool (n_models, n_subjects)

    Examples
    --------
    >>> halves(4, 3, seed=0).sum(axis=0).tolist()
    [2, 2, 2]
    """
    if n_models < 2 or n_models % 2:
        raise InputError(f"{n_models} shadow models cannot be halved.", mend="Take an even number of them.")
    places = np.random.default_rng(seed).random((n_models, n_subjects)).argsort(axis=0, kind="stable")
    return np.asarray(places < n_models // 2)


def trained(
    make: Callable[[Job], Mapping[str, npt.NDArray[Any]]],
    jobs: Sequence[Job],
    folder: Path | str,
    n_jobs: int | None = None,
) -> list[Arrays]:
    """Return what each job gives: from its file where there is one, else made now, and kept.

    Parameters
    ----------
    make : callable
        Trains one shadow model and returns what is wanted of it, scores say. It goes to other processes: a function of
        a module, or a `functools.partial` of one with the data.
    jobs : sequence of Job
    folder : path
        Made where it is missing. It holds personal data: who is in, and what models say of them.
    n_jobs : int or None
        Processes, as joblib takes it; None is one.

    Returns
    -------
    list of dict of str to ndarray
        In the order of `jobs`.

    Raises
    ------
    InputError
        Where `make` gives arrays of objects: they could only be pickled.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    found = {job.digest: _read(place, job.digest) for job in jobs}
    wanting = {job.digest: job for job in jobs if found[job.digest] is None}
    made = Parallel(n_jobs=n_jobs)(delayed(_kept)(make, job, place) for job in wanting.values())
    found |= dict(zip(wanting, made, strict=True))
    return [dict(arrays) for job in jobs if (arrays := found[job.digest]) is not None]


def _kept(make: Callable[[Job], Mapping[str, npt.NDArray[Any]]], job: Job, folder: Path) -> Arrays:
    with threadpool_limits(1):
        arrays = {name: np.asarray(array) for name, array in make(job).items()}
    if objects := [name for name, array in arrays.items() if array.dtype.hasobject]:
        raise InputError(f"a shadow model gave arrays of objects: {objects}.", mend="Give numbers or fixed-width text.")
    buffer = BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    content = buffer.getvalue()
    temporary = folder / f"{job.digest}.{os.getpid()}.partial"
    with temporary.open("wb") as file:
        file.write(content + _checksum(job.digest, content))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / f"{job.digest}.npz")
    return arrays


def _read(folder: Path, digest: str) -> Arrays | None:
    """Return what a file holds, or None where it is missing or not what was written."""
    path = folder / f"{digest}.npz"
    if not path.exists():
        return None
    whole = path.read_bytes()
    content = whole[:-_CHECKSUM]
    if whole[-_CHECKSUM:] != _checksum(digest, content):
        return None
    with np.load(BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def _checksum(digest: str, content: bytes) -> bytes:
    return hashlib.sha256(bytes.fromhex(digest) + content).digest()
