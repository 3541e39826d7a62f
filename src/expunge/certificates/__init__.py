"""Certificates of erasure: stated, signed, and verified by anyone, offline.

For an auditor. You need the certificate file, and the issuer's public key (PEM) by another way than the certificate,
its fingerprint read over the telephone, say. You need no numerical package, no database and no network::

    from pathlib import Path
    from expunge.certificates import verify_file

    verified = verify_file(Path("certificate.json"), Path("public.pem"))
    verified.statement.copies[0].guarantee_in_words

`verify` checks, in this order, and says which check failed first:

1. *file*: strict JSON in its one spelling, at most 10 MB, so that no byte is without meaning.
2. *signature*: the DSSE signature (Ed25519) over the payload, by the key you gave; its ``keyid`` is that key's
   fingerprint.
3. *statement*: an in-toto Statement without unknown fields that does not contradict itself. No check in it FAILED. An
   Exact model was replayed, or is said to hold "by construction; not replayed".
4. *members*: for every dataset and model, from the members root before and the commitments that left follows the root
   after: exactly those left, and nobody else.
5. *log entry*: the audit log's entry names this certificate and the SHA-256 of this envelope.
6. *inclusion*: that entry is in the log's Merkle tree (RFC 6962).
7. *checkpoint*: the log's key, which the signed statement names, signed the head of that tree.

What this shows: the holder of the key signed the statement, and it is in that log. What it does not show: that no
other copy of the data exists, that the endpoint serves this model, or that the log has no second branch. So keep each
checkpoint (``verified.checkpoint``) and ask for a consistency proof between it and the next
(`expunge.log.merkle.verify_consistency`). That the models are equal to refits on the remaining rows is shown by
``expunge certificate replay``, where you may see the rows.

For the operator: `sign` refuses what the `Evidence` does not bear out, `log_entry` is what the log keeps, and
`write_file` puts the parts together.
"""

from expunge.certificates.file import envelope_sha256, log_entry, read_file, write_file
from expunge.certificates.keys import fingerprint, generate_key, load_key, load_public_key, public_pem
from expunge.certificates.sign import Evidence, sign
from expunge.certificates.verify import CHECKS, Verified, verify, verify_file

__all__ = [
    "CHECKS",
    "Evidence",
    "Verified",
    "envelope_sha256",
    "fingerprint",
    "generate_key",
    "load_key",
    "load_public_key",
    "log_entry",
    "public_pem",
    "read_file",
    "sign",
    "verify",
    "verify_file",
    "write_file",
]
