"""The steps of an erasure, one file each, in the order of `expunge.domain.request.STEPS`.

A step has up to two parts. ``prepare(workspace, batch)`` may use transactions and files of its own and can be
repeated at will. ``commit(workspace, connection, batch)`` runs in the one transaction that also moves the requests:
all of it happens, or none.
"""
