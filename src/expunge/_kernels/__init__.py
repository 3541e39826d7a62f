"""Kernels: loops over rows, compiled when they are first called.

Each is a pure function of arrays, or changes those arrays that its docstring names; each has a NumPy twin in the tests.

Invariants
----------
- What decides is an integer, or a float derived from integers by one formula in IEEE 754 arithmetic: no fastmath, no
  fused multiply-add, no float that is summed over rows. So results are the same on every machine.
- No kernel reads a clock, a file or a global that changes.
"""
