"""The command line, as tests use it: the real command in a process of its own, or the same code without that wait."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from expunge.cli import app

COMMAND = Path(sys.executable).with_name("expunge")


@dataclass(frozen=True)
class Ran:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value that stands on standard output."""
        return json.loads(self.out)


Command: TypeAlias = Callable[..., Ran]


@pytest.fixture(scope="session")
def process() -> Command:
    """Run the installed command in a process of its own."""

    def run(*arguments: object) -> Ran:
        done = subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=600)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def command() -> Command:
    """Run the command's `main` in this process: the same, without two seconds of imports."""

    def run(*arguments: object) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["expunge", *map(str, arguments)])
            with pytest.raises(SystemExit) as ended:
                app.main()
        code = ended.value.code
        return Ran(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())

    return run
