"""Tests of models and stores: replay, utility, remanence. Audits are of the log."""
