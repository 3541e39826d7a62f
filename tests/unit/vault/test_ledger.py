"""The suppression ledger knows people again, and tells nobody who they are."""

from __future__ import annotations

import shutil
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from expunge.domain.subject import SubjectId, spelling
from expunge.errors import CorruptedError, KeyDestroyedError
from expunge.vault import ledger
from expunge.vault.database import SUPPRESSED
from expunge.vault.keys import new_key, write_secret
from expunge.vault.ledger import Entry, _Key
from expunge.vault.store import Vault

PAST, FUTURE = "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def suppress(vault: Vault, *people: str, until: str | None = None, batch: str = "B-1") -> None:
    with vault.transaction() as connection:
        ledger.suppress(vault, connection, {one: {} for one in people}, batch, until)


def known(vault: Vault, *people: SubjectId) -> set[SubjectId]:
    with vault.transaction() as connection:
        return set(ledger.suppressed(vault, connection, people))


def standing(vault: Vault) -> list[Entry]:
    with vault.transaction() as connection:
        return ledger.entries(connection)


@pytest.mark.parametrize("again", [7, "7", " 7", "7\n"])
def test_a_number_is_known_again_however_a_file_spells_it(vault: Vault, again: SubjectId) -> None:
    suppress(vault, spelling(7))
    assert known(vault, again, 8) == {again}


@pytest.mark.parametrize("again", ["Grün", "Gru\u0308n", "\u00a0Grün "])
def test_a_name_is_known_again_composed_or_not_and_within_white_space(vault: Vault, again: str) -> None:
    suppress(vault, spelling("Gru\u0308n"))
    assert known(vault, again) == {again}


@pytest.mark.parametrize("other", ["007", "07", "+7", "7.0", -7, 70, "7 7", "\u017f"])
def test_whoever_has_another_id_is_not_stopped(vault: Vault, other: SubjectId) -> None:
    suppress(vault, "7", "s")
    assert known(vault, other) == set()


def test_letters_of_another_case_are_another_id(vault: Vault) -> None:
    suppress(vault, "a17")
    assert known(vault, "A17", "a17") == {"a17"}


@given(st.text(min_size=1) | st.integers(-(2**63), 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_spelling_is_its_own_spelling_and_has_one_tag(subject: SubjectId, secret: bytes) -> None:
    plain = spelling(subject)
    assert spelling(plain) == plain
    tags = {_Key(secret).tag(form) for form in (subject, plain, f" {plain}\t", unicodedata.normalize("NFD", plain))}
    assert len(tags) == 1
    assert len(tags.pop()) == ledger.TAG_BYTES


@given(st.text(), st.text(), st.binary(min_size=32, max_size=32))
def test_two_spellings_have_two_tags(one: str, other: str, secret: bytes) -> None:
    key = _Key(secret)
    assert (key.tag(one) == key.tag(other)) == (spelling(one) == spelling(other))


def test_no_id_stands_in_the_database_or_the_key(vault: Vault) -> None:
    suppress(vault, "Wilhelmina Grünwald", "123456789")
    content = b"".join(path.read_bytes() for path in [*vault.folder.glob("expunge.db*"), *vault.keys.iterdir()])
    assert b"Wilhelmina" not in content
    assert b"123456789" not in content
    assert "hidden" in repr(_Key(b"s" * 32))


def test_the_key_derives_from_nothing(vault: Vault) -> None:
    suppress(vault, "7")
    (entry,) = standing(vault)
    (vault.keys / "ledger.key").unlink()
    with vault.transaction() as connection:
        ledger.forget_everybody(connection)
    suppress(vault, "7")
    assert standing(vault)[0].tag[8:] != entry.tag[8:], "the same workspace secret, another ledger"


def test_an_empty_ledger_needs_no_key(vault: Vault) -> None:
    assert known(vault, 7) == set()
    assert not (vault.keys / "ledger.key").exists()


def test_a_lost_key_is_no_empty_ledger(vault: Vault) -> None:
    suppress(vault, "7")
    (vault.keys / "ledger.key").unlink()
    for call in (lambda: known(vault, 8), lambda: suppress(vault, "9")):
        with pytest.raises(KeyDestroyedError, match=r"ledger\.key"):
            call()
    assert not (vault.keys / "ledger.key").exists()


def test_another_key_is_no_empty_ledger(vault: Vault) -> None:
    suppress(vault, "7")
    (vault.keys / "ledger.key").unlink()
    write_secret(vault.keys / "ledger.key", new_key())
    for call in (lambda: known(vault, 7), lambda: suppress(vault, "9")):
        with pytest.raises(CorruptedError, match="another key"):
            call()


def test_a_key_that_is_none_is_corrupted(vault: Vault) -> None:
    suppress(vault, "7")
    (vault.keys / "ledger.key").write_text("not a key")
    with pytest.raises(CorruptedError, match=r"ledger\.key"):
        known(vault, 7)


def test_whoever_is_erased_again_stands_there_once_and_afresh(vault: Vault) -> None:
    with vault.transaction() as connection:
        ledger.suppress(vault, connection, {"7": {"D-1": "records"}}, "B-1", PAST)
        ledger.suppress(vault, connection, {"7": {}}, "B-2", FUTURE)
    (entry,) = standing(vault)
    assert (entry.batch, entry.until, entry.retained) == ("B-2", FUTURE, {})


def test_what_is_retained_is_kept_with_the_entry(vault: Vault) -> None:
    with vault.transaction() as connection:
        ledger.suppress(vault, connection, {"7": {"D-2": "processing", "D-1": "records"}}, "B-1", None)
        found = ledger.suppressed(vault, connection, [7])
    assert found[7].retained == {"D-1": "records", "D-2": "processing"}


def test_an_entry_ends_when_its_time_is_over(vault: Vault) -> None:
    suppress(vault, "1", until=PAST)
    suppress(vault, "2", until=FUTURE)
    suppress(vault, "3")
    assert known(vault, 1, 2, 3) == {2, 3}, "even before it is dropped"
    with vault.transaction() as connection:
        assert ledger.expire(connection) == 1
        assert ledger.expire(connection) == 0
    assert len(standing(vault)) == 2


def test_who_is_released_is_known_no_more(vault: Vault) -> None:
    suppress(vault, "7", "8")
    with vault.transaction() as connection:
        assert ledger.release(vault, connection, 7)
        assert not ledger.release(vault, connection, 7)
        assert not ledger.release(vault, connection, 9)
    assert known(vault, 7, 8) == {8}


def test_a_destroyed_ledger_is_anonymous_and_the_next_begins_empty(vault: Vault) -> None:
    suppress(vault, "7")
    copy = shutil.copytree(vault.folder, vault.folder.with_name("copy"))
    (old,) = standing(vault)
    ledger.destroy_key(vault)
    ledger.destroy_key(vault)
    with vault.transaction() as connection:
        assert ledger.forget_everybody(connection) == 1
    suppress(vault, "8")
    assert known(vault, 7, 8) == {8}
    assert old.tag in b"".join(path.read_bytes() for path in copy.glob("expunge.db*"))
    with vault.transaction() as connection:
        connection.execute(update(SUPPRESSED).values(tag=old.tag))
    with pytest.raises(CorruptedError):
        known(vault, 7)


def test_a_copy_brings_who_is_missing_or_was_erased_later_and_nobody_past_their_end(vault: Vault) -> None:
    suppress(vault, "7")
    (now,) = standing(vault)
    tags = [bytes([number]) * ledger.TAG_BYTES for number in range(3)]
    found = [
        Entry(now.tag, "B-0", PAST, None),
        Entry(tags[0], "B-0", PAST, PAST),
        Entry(tags[1], None, PAST, FUTURE, {"D-1": "records"}),
    ]
    with vault.transaction() as connection:
        assert ledger.merge(connection, found) == 1
        assert ledger.merge(connection, found) == 0
        later = Entry(now.tag, "B-9", FUTURE, None)
        assert ledger.merge(connection, [later]) == 1
        assert {entry.tag: entry for entry in ledger.entries(connection)} == {now.tag: later, tags[1]: found[2]}


def test_copies_are_authenticated_by_the_key(vault: Vault) -> None:
    with vault.transaction() as connection:
        one = ledger.authenticator(vault, connection, b"content")
        assert one == ledger.authenticator(vault, connection, b"content")
        assert one != ledger.authenticator(vault, connection, b"contenu")
        ledger.destroy_key(vault)
        assert one != ledger.authenticator(vault, connection, b"content")
