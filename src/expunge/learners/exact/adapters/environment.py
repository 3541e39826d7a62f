"""What a fit by somebody else's code depends on beside rows, hyperparameters and seed (DESIGN promise 1)."""

from __future__ import annotations

import platform
import sys
from contextlib import AbstractContextManager
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, Final

from threadpoolctl import ThreadpoolController, threadpool_info

THREADS: Final = 1
_DISTRIBUTIONS: Final = {"sklearn": "scikit-learn"}


@cache
def environment(package: str) -> dict[str, str]:
    """Return library versions, processor family and thread count.

    The processor family is the one for which NumPy's and SciPy's linear algebra chose their kernels: two machines of
    the same architecture may differ in it, and then in the last bits of a sum.

    Parameters
    ----------
    package : str
        The library that fits, as it is imported.

    Examples
    --------
    >>> environment("sklearn")["threads"]
    '1'
    """
    versions = {
        _DISTRIBUTIONS.get(name, name): str(import_module(name).__version__)
        for name in ("numpy", "scipy", "sklearn", package)
    }
    if package == "torch":
        versions["torch kernels"] = str(import_module(package).backends.cpu.get_cpu_capability())
    kernels = {str(library["architecture"]) for library in threadpool_info() if library["user_api"] == "blas"}
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": " ".join(sorted(kernels)),
        "python": platform.python_version(),
        "threads": str(THREADS),
        **versions,
    }


def few_threads() -> AbstractContextManager[Any]:
    """Pin the thread pools of whatever is loaded to `THREADS`, while the context lasts."""
    pinned: AbstractContextManager[Any] = _pools(tuple(sys.modules)).limit(limits=THREADS)
    return pinned


@lru_cache(maxsize=1)
def _pools(loaded: tuple[str, ...]) -> ThreadpoolController:
    """Find the libraries that have pools: a search of the process's memory map, made again once more is imported."""
    del loaded
    return ThreadpoolController()
