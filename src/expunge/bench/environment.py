"""Where and when something was measured."""

from __future__ import annotations

import os
import platform
import time
from importlib import metadata
from typing import Any, Final

LIBRARIES: Final = ("numpy", "numba", "pandas", "scikit-learn", "lightgbm", "xgboost-cpu", "torch")


def environment(command: str) -> dict[str, Any]:
    """Return command, date, and versions of all that matters; nothing that names a machine or its user.

    Examples
    --------
    >>> sorted(environment("expunge bench learners"))
    ['command', 'date', 'machine']
    """
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    versions = {name: found for name in LIBRARIES if (found := _version(name)) is not None}
    return {"command": command, "date": time.strftime("%Y-%m-%d", time.gmtime()), "machine": machine | versions}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # XGBoost comes under more names than one
        return None
