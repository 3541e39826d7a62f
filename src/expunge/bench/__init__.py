"""The benchmark: how exact, how fast and how good the ensembles are, beside other libraries'.

::

    runs.run(["accuracy", "forgetting"], Path("results"), QUICK, command)     # a JSON file for each part
    plots.draw(results.read(Path("results")), Path("pictures"))
    pages.fill(Path("docs/benchmark.md"), results.read(Path("results")))

Invariants
----------
- Times are processor time of one thread, and what is claimed are ratios of calls that took turns in one run.
- Whoever is compared gets the same rows; data are known by their SHA-256.
- A table or a target is computed from results alone; what was not measured reads so, never as met.
"""
