"""Every import contract is seen to fail: a rule that nothing can break is none."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = Path(sys.executable).with_name("lint-imports")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
NAMES = [contract["name"] for contract in CONTRACTS]
LAYERS, PLAIN, LEARNERS, KEYS, VERIFICATION = NAMES


def importing(module: str, line: str) -> Callable[[Path], None]:
    """Plant an import at the end of a module."""

    def plant(source: Path) -> None:
        with (source / module).open("a") as file:
            file.write(f"\n\n{line}\n")

    return plant


def new_folder(source: Path) -> None:
    (source / "utils").mkdir()
    (source / "utils" / "__init__.py").write_text('"""A folder that has no place in the layers."""\n')


PLANTED: list[tuple[str, str, Callable[[Path], None] | None]] = [
    ("nothing", "", None),
    ("a folder that has no layer", LAYERS, new_folder),
    ("upwards", LAYERS, importing("domain/plan.py", "import expunge.erasure.plan")),
    ("upwards, late", LAYERS, importing("workspace/data.py", "def f():\n    from expunge.erasure import plan")),
    ("sideways", LAYERS, importing("datasets/table.py", "import expunge.learners.base")),
    ("sideways, from privacy", LAYERS, importing("privacy/release.py", "import expunge.datasets.read")),
    ("numpy in a certificate", PLAIN, importing("certificates/verify.py", "import numpy")),
    ("a database in the log", PLAIN, importing("log/merkle.py", "import sqlite3")),
    ("cryptography in a learner", LEARNERS, importing("learners/base.py", "import cryptography.fernet")),
    ("keys in the command line", KEYS, importing("cli/erase.py", "from expunge.vault.keys import RootStore")),
    ("keys in the workspace", KEYS, importing("workspace/members.py", "import expunge.vault.keys")),
    ("keys in privacy", KEYS, importing("privacy/release.py", "import expunge.vault.keys")),
    ("a learner in a check", VERIFICATION, importing("verification/replay.py", "import expunge.learners.exact.linear")),
]


def lint(folder: Path, plant: Callable[[Path], None] | None) -> tuple[int, set[str]]:
    """Copy the sources, plant a fault, and return the exit code and the names of the broken contracts."""
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    if plant is not None:
        plant(folder / "src" / "expunge")
    done = subprocess.run(
        [COMMAND, "--config", folder / "pyproject.toml", "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=folder / "src",
        env={"PYTHONPATH": str(folder / "src"), "COLUMNS": "200", "PATH": ""},
    )
    lines = [re.sub(r"\s+", " ", line).strip() for line in done.stdout.splitlines()]
    return done.returncode, {name for name in NAMES if f"{name} BROKEN" in lines}


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, set[str]]]:
    """What comes of every planted fault, two processes at a time."""
    with ThreadPoolExecutor(2) as pool:
        folders = [tmp_path_factory.mktemp("planted") for _ in PLANTED]
        found = pool.map(lint, folders, [plant for _, _, plant in PLANTED])
        return dict(zip([name for name, _, _ in PLANTED], found, strict=True))


@pytest.mark.parametrize(("fault", "contract"), [(name, contract) for name, contract, plant in PLANTED if plant])
def test_a_planted_import_breaks_its_contract(
    linted: dict[str, tuple[int, set[str]]], fault: str, contract: str
) -> None:
    code, broken = linted[fault]
    assert code == 1
    assert contract in broken


def test_without_a_fault_every_contract_is_kept(linted: dict[str, tuple[int, set[str]]]) -> None:
    assert linted["nothing"] == (0, set())


def test_every_contract_was_seen_to_fail() -> None:
    assert {contract for _, contract, plant in PLANTED if plant} == set(NAMES)
