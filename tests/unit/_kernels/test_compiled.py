"""What was compiled is kept, and whatever becomes of where it is kept, kernels give what they gave."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import expunge
from expunge._kernels import siphash

CODE = """
import numpy as np
from expunge._kernels.siphash import siphash
print(siphash(np.array([1, 2], np.uint64), np.array([3], np.uint64)))
"""


def run(home: Path, **environment: str) -> int:
    """The hash that a process of its own computes."""
    home_there = os.environ | {"XDG_CACHE_HOME": str(home)} | environment
    return int(subprocess.check_output([sys.executable, "-c", CODE], env=home_there, text=True))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    home = tmp_path_factory.mktemp("cache")
    return home, run(home)


def kept(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file()]


def test_what_was_compiled_is_kept_in_a_private_folder(filled: tuple[Path, int]) -> None:
    home, value = filled
    assert {path.name.split("-")[0] for path in kept(home)} == {"siphash.siphash", "siphash._round"}
    (folder,) = (home / "expunge").iterdir()
    assert folder.stat().st_mode & 0o077 == 0
    before = {path: path.stat().st_mtime_ns for path in kept(home)}
    assert run(home) == value
    assert {path: path.stat().st_mtime_ns for path in kept(home)} == before, "nothing was compiled again"


def test_another_copy_of_the_same_source_finds_it(filled: tuple[Path, int], tmp_path: Path) -> None:
    home, value = filled
    before = {path: path.stat().st_mtime_ns for path in kept(home)}
    shutil.copytree(Path(expunge.__file__).parent, tmp_path / "expunge", copy_function=shutil.copyfile)  # written now
    assert run(home, PYTHONPATH=str(tmp_path)) == value
    assert {path: path.stat().st_mtime_ns for path in kept(home)} == before, "nothing was compiled again"


@pytest.mark.parametrize("fault", ["flipped", "cut", "emptied", "swapped"])
def test_a_corrupted_file_is_compiled_afresh(filled: tuple[Path, int], fault: str) -> None:
    home, value = filled
    files = kept(home)
    for number, path in enumerate(files):
        content = path.read_bytes()
        spoilt = {
            "flipped": content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
            "cut": content[: len(content) // 2],
            "emptied": b"",
            "swapped": files[number - 1].read_bytes(),
        }[fault]
        path.write_bytes(spoilt)
    assert run(home) == value
    assert run(home) == value


def test_without_a_folder_kernels_work_all_the_same(filled: tuple[Path, int], tmp_path: Path) -> None:
    _, value = filled
    (tmp_path / "file").write_text("no folder")
    assert run(tmp_path / "file") == value


def test_a_folder_that_others_may_write_is_not_used(filled: tuple[Path, int], tmp_path: Path) -> None:
    home, value = filled
    (name,) = (path.name for path in (home / "expunge").iterdir())
    place = tmp_path / "expunge" / name
    place.mkdir(parents=True)
    place.chmod(0o777)
    assert run(tmp_path) == value
    assert list(place.iterdir()) == []


def test_what_only_kernels_call_says_so_rather_than_ending_the_process() -> None:
    with pytest.raises(TypeError, match="_round is called by kernels only"):
        siphash._round(np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4))


def test_the_collector_runs_again_after_compiling() -> None:
    assert gc.isenabled()
    siphash.siphash(np.zeros(2, np.uint64), np.zeros(1, np.uint64))
    assert gc.isenabled()
