"""A table with subjects: reading, checking against the schema, splitting by subject.

::

    raw = read_table("visits.csv.gz")                                   # cells as they stand
    declared = declare(raw.names, subject="patient", target="readmitted", ranges=["age=0:120"])
    table = checked(raw, declared)                                      # or one DataError with every fault
    table = refreshed(table.without([7]))                               # what was inferred from 7 is forgotten too

`confirm` turns inferred facts into declared ones; `held_out` says who is in a model's held-out set.
"""

from expunge.datasets.cast import refreshed
from expunge.datasets.check import checked
from expunge.datasets.declare import declare
from expunge.datasets.infer import Declared, confirm, infer_schema, reinfer
from expunge.datasets.loaders import load_loans, load_randhie
from expunge.datasets.raw import RawColumn, RawTable
from expunge.datasets.read import MISSING, read_csv, read_frame, read_parquet, read_table
from expunge.datasets.split import held_out
from expunge.datasets.table import Table

__all__ = [
    "MISSING",
    "Declared",
    "RawColumn",
    "RawTable",
    "Table",
    "checked",
    "confirm",
    "declare",
    "held_out",
    "infer_schema",
    "load_loans",
    "load_randhie",
    "read_csv",
    "read_frame",
    "read_parquet",
    "read_table",
    "refreshed",
    "reinfer",
]
