"""The benchmark of unlearning: who forgets, how well, at what cost, and who does nothing.

- ``problems``: rows, and who is to be forgotten of them: random people, a class, people with wrong labels;
- ``worlds``: who is in which model. Shadow worlds are shared by all methods; each seed has a world of its own;
- ``contestants``: those that forget: every method for networks, exact learners, shards, a full retraining, nothing;
- ``networks``: how the networks among them learn, forget, learn again and are rounded;
- ``scores``: one row per task, method, seed and metric, by the tests of `expunge.verification`;
- ``runs``: all of it, in parallel and resumable; ``records`` keeps it as Parquet;
- ``leaderboard``: one page with tables and plots.
"""
