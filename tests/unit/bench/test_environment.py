"""Where something was measured."""

from __future__ import annotations

import getpass
import json
import platform

from expunge.bench.environment import environment


def test_versions_are_told_and_neither_machine_nor_user() -> None:
    found = environment("expunge bench learners")
    assert found["command"] == "expunge bench learners"
    assert {"processor", "cores", "python", "numpy", "lightgbm"} <= found["machine"].keys()
    values = json.dumps(found).split('"')
    assert platform.node() not in values
    assert getpass.getuser() not in values
