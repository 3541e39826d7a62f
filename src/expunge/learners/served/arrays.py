"""Arrays as bytes: an ``.npz`` of float64 that holds no date, no pickle and nothing unasked for.

float64 holds integers up to 2**53 exactly, so places and codes are written as such too.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from expunge.errors import CorruptedError
from expunge.learners.served.model import MEND


def to_npz(arrays: Mapping[str, npt.NDArray[np.float64]]) -> bytes:
    """Write float64 arrays: fixed dates, stored uncompressed, equal bytes for equal arrays."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(arrays):
            body = io.BytesIO()
            np.lib.format.write_array(body, np.ascontiguousarray(arrays[name], dtype="<f8"), allow_pickle=False)
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # zipfile would record the operating system
            archive.writestr(entry, body.getvalue())
    return target.getvalue()


def from_npz(data: bytes, names: tuple[str, ...]) -> dict[str, npt.NDArray[np.float64]]:
    """Read the named arrays, and no others; CorruptedError where they are not what `to_npz` writes."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sorted(archive.namelist()) != sorted(f"{name}.npy" for name in names):
                raise CorruptedError(f"arrays.npz holds {archive.namelist()}, not {list(names)}.", mend=MEND)
            return {name: _array(archive.read(f"{name}.npy")) for name in names}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
        raise CorruptedError(f"arrays.npz cannot be read ({error}).", mend=MEND) from error


def _array(data: bytes) -> npt.NDArray[np.float64]:
    stream = io.BytesIO(data)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("unknown array version")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream)
    body = data[stream.tell() :]
    if fortran or dtype != np.dtype("<f8") or len(body) != 8 * math.prod(shape):
        raise ValueError("not a little-endian float64 array of the size that it states")
    return np.frombuffer(body, dtype="<f8").reshape(shape).astype(np.float64)
