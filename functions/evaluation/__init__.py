"""Evaluation over HTTP: judge answers, look at one search, keep runs, fit weights."""
