"""The register: versions, what is sealed with them, and nothing in clear."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expunge.domain.cost import SIZES, Costs, Measured
from expunge.domain.digest import blinded
from expunge.errors import KeyDestroyedError, NotFoundError
from expunge.vault import blobs
from expunge.workspace import register
from expunge.workspace.folder import Workspace
from expunge.workspace.register import CURRENT, STAGED, Facts, Place, Version

HEX = st.binary(min_size=32, max_size=32)


def current(workspace: Workspace, model: str = "ridge") -> Version:
    with workspace.vault.transaction() as connection:
        return register.current(connection, register.by_name(connection, model).id)


@given(HEX, HEX, HEX, st.floats(0, 1e6))
def test_facts_come_back(nonce: bytes, learned: bytes, served: bytes, seconds: float) -> None:
    known = Costs(seconds, 9, (0.5,) * len(SIZES), (Measured("forget", 1, 2, 9, seconds, 0.25),))
    facts = Facts(
        nonce, learned.hex(), served.hex(), {"class": "exact", "scope": "portable"}, "Exact", known, "mended", 7
    )
    assert Facts.from_json(facts.to_json()) == facts
    assert facts.blinded_learned() == blinded(nonce, learned.hex())
    assert facts.blinded_served() == blinded(nonce, served.hex())


def test_a_version_is_sealed_and_opens(workspace: Workspace) -> None:
    version = current(workspace)
    with workspace.vault.transaction() as connection:
        learner = register.open_learner(workspace, connection, version)
        served = register.open_served(workspace, connection, version)
        facts = register.open_facts(workspace, connection, version)
    assert (learner.digest(), served.digest()) == (facts.learned, facts.served)
    assert served.digest() == learner.serve().digest()


def test_no_digest_stands_in_clear(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        facts = register.open_facts(workspace, connection, current(workspace))
    secrets = [bytes.fromhex(facts.learned), bytes.fromhex(facts.served), facts.nonce]
    for path in (path for path in workspace.folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        assert not [one for one in secrets if one in content or one.hex().encode() in content], path


def test_every_version_has_a_nonce_of_its_own(workspace: Workspace) -> None:
    version = current(workspace)
    with workspace.vault.transaction() as connection:
        learner = register.open_learner(workspace, connection, version)
        place = Place(version.model_id, 2, STAGED, "B-1")
        staged = register.store(workspace, connection, learner, place, Costs(1.0, 9))
        one, other = (register.open_facts(workspace, connection, found) for found in (version, staged))
    assert one.learned == other.learned
    assert one.nonce != other.nonce
    assert one.blinded_learned() != other.blinded_learned()


def test_staging_publishing_and_discarding(workspace: Workspace) -> None:
    version = current(workspace)
    with workspace.vault.transaction() as connection:
        learner = register.open_learner(workspace, connection, version)
        assert register.version_with(connection, version.model_id, STAGED) is None
        place = Place(version.model_id, 2, STAGED)
        staged = register.store(workspace, connection, learner, place, Costs(1.0, 9))
        assert register.version_with(connection, version.model_id, STAGED) == staged
        assert register.current(connection, version.model_id) == version
        register.discard(connection, version)
        with pytest.raises(NotFoundError, match="no published version"):
            register.current(connection, version.model_id)
        register.set_status(connection, staged, CURRENT)
        assert register.current(connection, version.model_id) == staged
        for blob in version.blobs:
            with pytest.raises(KeyDestroyedError):
                blobs.get(workspace.vault, connection, blob)


def test_no_two_versions_share_a_blob(workspace: Workspace) -> None:
    ridge, additive = current(workspace), current(workspace, "additive")
    assert not set(ridge.blobs) & set(additive.blobs)
    with workspace.vault.transaction() as connection:
        kinds = {kind for _, kind, _ in blobs.every(workspace.vault, connection)}
    assert kinds == {"schema", "training state", "served model", "model facts"}


def test_the_json_form_shows_whether_it_is_published(workspace: Workspace) -> None:
    with workspace.vault.transaction() as connection:
        shown = [model.to_dict() for model in register.every(connection)]
    assert [(one["name"], one["status"], one["version"]) for one in shown] == [
        ("additive", "published", 1),
        ("ridge", "published", 1),
    ]
