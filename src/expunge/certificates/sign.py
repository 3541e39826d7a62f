"""Signing: no certificate without an effect (DESIGN promise 3).

Invariants
----------
- `sign` returns a signed envelope or raises; there is no envelope for a statement that fails one condition.
- The statement is what is claimed; the `Evidence` is what was found. The two come to this function by different ways,
  and it compares them object by object.
- A signature's ``keyid`` is the key's fingerprint.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # re-exported, without saying so

from expunge.certificates.keys import fingerprint
from expunge.certificates.statement import REPLAY, UNCHANGED, contradictions, members_faults, payload
from expunge.domain.certificate import Copy, Statement
from expunge.domain.digest import blinded
from expunge.domain.guarantee import Exact
from expunge.domain.report import Verdict
from expunge.errors import SigningRefusedError

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
"""Payload type of in-toto statements in DSSE (in-toto Attestation Framework v1, "Envelope")."""


@dataclass(frozen=True)
class Evidence:
    """What was found for one object. Digests are in clear: this never leaves the workspace.

    Parameters
    ----------
    leavers : frozenset of bytes
        Commitments of the batch's subjects that were in this object, 32 bytes each.
    remaining_root : bytes
        Members root over those whom the store holds now, 32 bytes.
    learned_before : str or None
        Learned digest of the version before; None for a dataset.
    staged : str or None
        Learned digest of the version that was unlearned; None for a dataset and for a retired model.
    replayed : str or None
        Learned digest of the refit on the remaining records; None where no replay was run.
    not_replayed : str
        Why no replay was run.
    verified_served, published_served : str or None
        Served digests of the artefact that was verified, and of the one that predicts now; None for a dataset and
        for a retired model.
    nonce : bytes or None
        Nonce of the version that predicts now, 32 bytes, under which its digests are blinded.
    """

    leavers: frozenset[bytes]
    remaining_root: bytes
    learned_before: str | None = None
    staged: str | None = None
    replayed: str | None = None
    not_replayed: str = ""
    verified_served: str | None = None
    published_served: str | None = None
    nonce: bytes | None = None


def sign(statement: Statement, evidence: Mapping[str, Evidence], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Sign a statement, if it is true.

    Parameters
    ----------
    statement : Statement
    evidence : mapping of str to Evidence
        By object id: of every object in the workspace.
    key : Ed25519PrivateKey
        The key that signs certificates.

    Returns
    -------
    dict
        The DSSE envelope, as JSON values (DSSE v1, "Envelope").

    Raises
    ------
    SigningRefusedError
        Naming the object and the first condition that does not hold.
    EnvelopeFormatError
        Where a field of the statement is malformed.
    """
    for place, condition in _refusals(statement, evidence):
        raise SigningRefusedError(
            f"no certificate: {place}: {condition}.",
            mend="Nothing was signed. Find out why it is so, then run `expunge erase` on the request again.",
        )
    envelope = Envelope(payload(statement), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key, sslib_key(key.public_key())))
    signed: dict[str, Any] = envelope.to_dict()
    return signed


def sslib_key(key: Ed25519PublicKey) -> SSlibKey:
    """Return the key as securesystemslib takes it, known by its fingerprint."""
    return SSlibKey.from_crypto(key, keyid=fingerprint(key))


def _refusals(statement: Statement, evidence: Mapping[str, Evidence]) -> Iterator[tuple[str, str]]:
    yield from contradictions(statement)
    for missing in sorted(set(evidence) - {copy.object for copy in statement.copies}):
        yield missing, "the statement does not name it"
    for copy in statement.copies:
        if copy.object not in evidence:
            yield copy.object, "there is no evidence for it"
            continue
        found = evidence[copy.object]
        for refuse in (_members, _replay, _learned, _served):
            for condition in refuse(copy, found):
                yield copy.object, condition


def _members(copy: Copy, found: Evidence) -> Iterator[str]:
    yield from members_faults(copy)
    left = {bytes.fromhex(commitment) for commitment in copy.members.left}
    stayed, strangers = found.leavers - left, left - found.leavers
    if stayed:
        yield f"{len(stayed)} of the batch's {len(found.leavers)} subjects in it did not leave"
    if strangers:
        yield f"{len(strangers)} left who are not the batch's"
    if copy.members.after != found.remaining_root.hex():
        yield "its members root after is not that of the members whom it holds now"


def _replay(copy: Copy, found: Evidence) -> Iterator[str]:
    passed = Verdict.PASSED in [check.verdict for check in copy.checks if check.name == REPLAY]
    if found.replayed is None:
        if passed:
            yield "the replay is said to have PASSED, and none was run"
        if isinstance(copy.guarantee, Exact) and not found.not_replayed:
            yield "no replay was run, and no reason is given"
    elif found.replayed != found.staged:
        if passed or isinstance(copy.guarantee, Exact):
            yield "the replay on the remaining records gave another learned digest"
    elif not passed:
        yield "the replay gave the same learned digest, and is not said to have PASSED"


def _learned(copy: Copy, found: Evidence) -> Iterator[str]:
    both = None not in (found.learned_before, found.staged)
    if copy.learned.equal != (found.learned_before == found.staged if both else None):
        yield f"its learned digests before and after are said to be equal: {copy.learned.equal}, which is not true"
    if copy.learned.after != _blinded(found.nonce, found.staged):
        yield "its learned digest after is not the staged one"
    if copy.method in UNCHANGED and found.learned_before != found.staged:
        yield "nobody left it, and its learned digest changed"


def _served(copy: Copy, found: Evidence) -> Iterator[str]:
    if found.published_served != found.verified_served:
        yield "the served model is not the verified one"
    if copy.served.after != _blinded(found.nonce, found.published_served):
        yield "its served digest after is not that of the served model"


def _blinded(nonce: bytes | None, digest: str | None) -> str | None:
    return None if nonce is None or digest is None else blinded(nonce, digest)
