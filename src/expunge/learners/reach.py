"""Searching what an object holds on to, for values that must be gone.

Walks the object graph (attributes, containers, closures, the ``base`` of array views, pandas' blocks) and looks into
raw bytes too. Modules, classes and functions' globals are not an object's own and are left out.
"""

from __future__ import annotations

import gc
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import BuiltinMethodType, FunctionType, MethodType, ModuleType
from typing import Any, Final

import numpy as np

_SHARED: Final = (type, ModuleType)


@dataclass(frozen=True)
class Needles:
    """Values to search for; choose ones that occur nowhere else.

    Parameters
    ----------
    texts : tuple of str
    integers : tuple of int
        Of 64 bits.
    floats : tuple of float
    """

    texts: tuple[str, ...] = ()
    integers: tuple[int, ...] = ()
    floats: tuple[float, ...] = ()

    def in_bytes(self, data: bytes) -> set[Any]:
        """Return which of them occur in raw bytes: as UTF-8, UTF-32, decimal digits, int64 or float64."""
        spelled: dict[str | float, tuple[bytes, ...]] = {
            **{text: (text.encode(), text.encode("utf-32-le")) for text in self.texts},
            **{number: (struct.pack("<q", number), b"%d" % number) for number in self.integers},
            **{number: (struct.pack("<d", number), repr(number).encode()) for number in self.floats},
        }
        return {needle for needle, spellings in spelled.items() if any(spelling in data for spelling in spellings)}


def reachable(root: object, needles: Needles) -> set[Any]:
    """Return which needles an object still holds, anywhere.

    Examples
    --------
    >>> rows = np.array([[0.5, 1234.5678], [0.25, 1.0]])
    >>> reachable({"view": rows[1:]}, Needles(floats=(1234.5678,)))
    {1234.5678}
    >>> reachable({"copy": rows[1:].copy()}, Needles(floats=(1234.5678,)))
    set()
    """
    found: set[Any] = set()
    seen: dict[int, object] = {}  # keeps what it saw alive, so that no address is used twice
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, _SHARED):
            continue
        seen[id(thing)] = thing
        found |= _held(thing, needles)
        waiting.extend(_next(thing))
    return found


def _held(thing: object, needles: Needles) -> set[Any]:
    """Return the needles in one object itself."""
    if isinstance(thing, str):
        return needles.in_bytes(thing.encode("utf-8", "surrogatepass"))
    if isinstance(thing, np.ndarray):
        return set() if thing.dtype.hasobject else needles.in_bytes(np.ascontiguousarray(thing).tobytes())
    if isinstance(thing, int | np.integer) and not isinstance(thing, bool):
        return {number for number in needles.integers if number == thing}
    if isinstance(thing, float | np.floating):
        return {number for number in needles.floats if number == thing}
    if isinstance(thing, bytes | bytearray | memoryview) or (_of_arrow(thing) and type(thing).__name__ == "Buffer"):
        return needles.in_bytes(bytes(thing))  # type: ignore[call-overload]  # pyarrow's buffers convert like bytes do
    return set()


def _next(thing: object) -> Iterable[object]:
    if isinstance(thing, np.ndarray):
        return _of_array(thing)
    if isinstance(thing, FunctionType):
        return (*(thing.__closure__ or ()), *(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values())
    if isinstance(thing, MethodType | BuiltinMethodType):
        return (thing.__self__, getattr(thing, "__func__", None))
    if isinstance(thing, memoryview):
        return (thing.obj,)
    if _of_arrow(thing):  # the garbage collector does not see into these
        return [*getattr(thing, "chunks", ()), *getattr(thing, "buffers", tuple)()]
    return gc.get_referents(thing)


def _of_arrow(thing: object) -> bool:
    return type(thing).__module__.partition(".")[0] == "pyarrow"


def _of_array(array: np.ndarray[Any, Any]) -> Iterator[object]:
    if array.base is not None:
        yield array.base
    if array.dtype.hasobject:
        yield from array.ravel().tolist()
