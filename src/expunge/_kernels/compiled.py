"""Compiling kernels, and keeping what was compiled in a private folder.

The folder is ``$XDG_CACHE_HOME/expunge/HASH`` (``~/.cache`` by default), where HASH covers the source of every kernel:
a kernel that calls another is compiled anew when either changes, and a second copy of the package finds what the first
compiled. Numba's own cache would unpickle whatever it finds; here a file counts only where its SHA-256 stands in front
of it, in a folder that nobody else may write. Where there is no such folder, kernels are compiled in every process:
slower, and nothing else.
"""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import stat
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

from numba import config
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.registry import CPUDispatcher

_F = TypeVar("_F", bound=Callable[..., Any])
_DIGEST_BYTES: Final = 32
_UNREADABLE: Final = (OSError, EOFError, ValueError, AttributeError, ImportError, pickle.UnpicklingError)
"""What reading a file of an interrupted or older process may raise, once its hash is right."""
_OPTIONS: Final = {"nopython": True, "error_model": "numpy", "nogil": True, "no_cfunc_wrapper": True}


def kernel(function: _F) -> _F:
    """Compile a function when it is first called; other threads go on while it runs."""
    return _with_cache(_Kernel(function, targetoptions=_OPTIONS), function)


def inner(function: _F) -> _F:
    """Compile a function that only kernels call: ways to call it from Python took a seventh of a first fit."""
    return _with_cache(_Inner(function, targetoptions={**_OPTIONS, "no_cpython_wrapper": True}), function)


class _Kernel(CPUDispatcher):
    """Compiling makes millions of objects, none of them garbage: looking for it took a twelfth of a first fit."""

    def compile(self, sig: Any) -> Any:
        """Compile for some types, while Python's collector rests."""
        collects = gc.isenabled()
        gc.disable()
        try:
            return super().compile(sig)
        finally:
            if collects:
                gc.enable()


class _Inner(_Kernel):
    """Numba would call what is not there, and end the process."""

    def __call__(self, *_: object) -> None:
        """Refuse."""
        raise TypeError(f"{self.py_func.__name__} is called by kernels only")


def _with_cache(made: Any, function: Callable[..., Any]) -> Any:
    folder = _folder()
    if folder is not None:
        made._cache = _Kept(function, folder)
    return made


class _Kept(FunctionCache):
    """What was compiled of one function; faults of the folder are as if nothing were there."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        given = config.CACHE_DIR
        config.CACHE_DIR = str(folder)
        try:
            super().__init__(function)
        finally:
            config.CACHE_DIR = given
        # Not by where the source lies and when it was written, as Numba would: the folder's name covers what it says.
        name = self._impl.filename_base
        self._cache_file = _Hashed(str(folder), name, name)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was compiled for these types, or None."""
        try:
            return super().load_overload(sig, target_context)
        except _UNREADABLE:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled, where the disk takes it."""
        try:
            super().save_overload(sig, data)
        except OSError:
            self.disable()


class _Hashed(IndexDataCacheFile):
    """A file for each tuple of types, named by their hash; it begins with the SHA-256 of the rest, or is not read.

    Numba numbers its files and keeps an index: of two processes that write at once one could find the other's code
    under its own number.
    """

    def load(self, key: Any) -> Any:
        """Return what was kept for these types, or None."""
        try:
            version, stamp, data = pickle.loads(_checked(self._path(key)))  # noqa: S301  # private, hashed
        except _UNREADABLE:
            return None
        return data if (version, stamp) == (self._version, self._source_stamp) else None

    def save(self, key: Any, data: Any) -> None:
        """Keep what was compiled for these types."""
        content: bytes = self._dump((self._version, self._source_stamp, data))
        with self._open_for_write(str(self._path(key))) as file:
            file.write(hashlib.sha256(content).digest() + content)

    def flush(self) -> None:
        """Keep what there is: what does not fit is not read."""

    def _path(self, key: Any) -> Path:
        name = hashlib.sha256(repr(key).encode()).hexdigest()[:24]
        return Path(self._cache_path) / f"{self._index_name}.{name}"


def _checked(path: Path) -> bytes:
    content = path.read_bytes()
    if hashlib.sha256(content[_DIGEST_BYTES:]).digest() != content[:_DIGEST_BYTES]:
        raise OSError(f"{path.name} is not what was written")
    return content[_DIGEST_BYTES:]


@cache
def _folder() -> Path | None:
    """Make the folder; None where it cannot be made, or others may write it."""
    whole = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        whole.update(source.read_bytes())
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "expunge" / whole.hexdigest()[:16]
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError):
        return None
    private = found.st_uid == os.getuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return folder if private and os.access(folder, os.W_OK) else None
