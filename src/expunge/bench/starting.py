"""What the first fit of an installation takes, in which kernels are compiled; and of a process that loads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Final

from expunge.bench import rivals
from expunge.bench.sizes import Size

CODE: Final = """
import json, sys, time
began = time.process_time()
import numpy as np, pandas, sklearn.base
libraries = time.process_time()
from expunge.bench.rivals import LEARNERS
X = np.random.default_rng(0).normal(size=(2_000, 8))
y = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int)
given = LEARNERS[sys.argv[1]].make()
imported = time.process_time()
model = given.fit(X, y)
fitted = time.process_time()
model.forget([3])
print(json.dumps({"libraries": libraries - began, "import": imported - libraries, "fit": fitted - imported,
                  "forget": time.process_time() - fitted}))
"""


def measure(size: Size) -> dict[str, Any]:
    """Return for each learner the processor time of a first and a later process: imports, a fit, and to forget."""
    return {name: of_learner(name) for name in list(rivals.LEARNERS)[: size.started]}


def of_learner(name: str) -> dict[str, dict[str, float]]:
    """Start two processes, one after the other, where nothing is compiled yet."""
    with tempfile.TemporaryDirectory() as home:
        return {when: _process(name, home) for when in ("first", "later")}


def _process(name: str, home: str) -> dict[str, float]:
    there = os.environ | {"XDG_CACHE_HOME": home}
    told = subprocess.run([sys.executable, "-c", CODE, name], env=there, capture_output=True, text=True, check=True)
    return dict(json.loads(told.stdout))
