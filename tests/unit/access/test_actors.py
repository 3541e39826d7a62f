"""Who is at work: the owner by a credential, others by a name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from expunge.access.actors import acting, make_owner
from expunge.access.policy import Policy
from expunge.errors import InputError, PolicyError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    folder, keys = tmp_path / "w", tmp_path / "w.keys"
    folder.mkdir()
    keys.mkdir()
    make_owner(folder, keys)
    return folder, keys


def test_nobody_named_is_the_owner(folders: tuple[Path, Path]) -> None:
    assert acting(None, Policy(), *folders) == "owner"
    assert acting("owner", Policy(owner_by_default=False), *folders) == "owner"


def test_policy_may_want_a_name(folders: tuple[Path, Path]) -> None:
    with pytest.raises(PolicyError, match="--as"):
        acting(None, Policy(owner_by_default=False), *folders)
    assert acting("dora@hospital.example", Policy(owner_by_default=False), *folders) == "dora@hospital.example"


@pytest.mark.parametrize("name", ["", " ", "a b", "a\n", "-a", "a" * 65, "ä", 'x"'])
def test_what_is_no_name_is_refused(folders: tuple[Path, Path], name: str) -> None:
    with pytest.raises(InputError, match="no actor's name"):
        acting(name, Policy(), *folders)


def test_the_credential_is_its_owners_alone_and_only_its_hash_is_in_the_workspace(folders: tuple[Path, Path]) -> None:
    folder, keys = folders
    path = keys / "owner.credential"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().strip() not in (folder / "actors.json").read_text()


@pytest.mark.parametrize("wrong", ["", "false", None])
def test_without_the_credential_nobody_is_the_owner(folders: tuple[Path, Path], wrong: str | None) -> None:
    path = folders[1] / "owner.credential"
    path.unlink()
    if wrong is not None:
        path.write_text(wrong)
    for name in (None, "owner"):
        with pytest.raises(PolicyError, match="credential"):
            acting(name, Policy(), *folders)
    assert acting("dora", Policy(), *folders) == "dora"


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"owner": None}), json.dumps({"owner": 7})])
def test_a_broken_list_of_actors_proves_nobody(folders: tuple[Path, Path], content: str) -> None:
    (folders[0] / "actors.json").write_text(content)
    with pytest.raises(PolicyError):
        acting(None, Policy(), *folders)
