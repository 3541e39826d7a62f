"""The office under load and kills: nothing is lost, nothing is done twice. `make soak` runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "soak.py"


@pytest.mark.soak
def test_requests_survive_kills_while_they_are_taken_in_and_erased(tmp_path: Path) -> None:
    out = tmp_path / "soak.json"
    arguments = ["--requests", "2000", "--kills", "20", "--batch", "500", "--made-up", "--out", str(out)]
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # a fork takes along one thread only
    subprocess.run([sys.executable, SCRIPT, *arguments], check=True, timeout=1800, env=one_thread)
    found = json.loads(out.read_text())
    assert (found["requests"], found["kills"]) == (2000, 20)
    assert [found[name] for name in ("lost", "not erased", "in no certificate", "in more than one")] == [0, 0, 0, 0]
    assert (found["certificates, all verified"], found["doctor's findings"]) == (4, [])
