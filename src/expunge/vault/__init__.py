"""Encrypted storage: records under one key per subject, sealed blobs, and the database that indexes both.

Invariants
----------
- Nothing personal is on disk in clear: records, training states, served models and schemas are AES-256-GCM
  ciphertexts; the database holds opaque references, keyed tags, commitments and counts.
- Every data key is random, 256 bits, and stored only under the current root key, which lives outside the folder: a
  blob's is wrapped by it, a subject's lies in the key tree that hangs on it.
- Destroying the root key's old version makes everything that was not put under the new one unreadable, in every copy.
"""
