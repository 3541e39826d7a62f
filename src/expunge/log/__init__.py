"""Trees and signed checkpoints that anyone can check: pure functions, no file, no database.

`expunge.log.merkle`
    The audit log's Merkle tree (RFC 6962): what was logged stays logged.
`expunge.log.checkpoint`
    The log's signed head (C2SP tlog-checkpoint).
`expunge.log.sparse`
    The tree of an object's members: who left it, and that nobody else did.
"""
