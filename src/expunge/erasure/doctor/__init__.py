"""`expunge doctor`: everything in a workspace is held against everything else; nothing is changed.

A check is a pure generator of findings. `finding` says what one is; `examine` lists the checks and runs them; the
others hold one area each: `place` (folders, key files, the database file; needs no workspace that opens), `storage`
(root keys, segments, blobs), `objects` (datasets, models), `signed` (log, certificates), `office` (requests, batches).
"""

from expunge.erasure.doctor.examine import Examination, Examined, examine
from expunge.erasure.doctor.finding import Finding, Severity

__all__ = ["Examination", "Examined", "Finding", "Severity", "examine"]
