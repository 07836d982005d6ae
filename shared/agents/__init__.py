"""Agents: a task becomes a few steps that look, reckon, read the web, ask back or propose.

Promises: every step is stored before the next begins, so a run goes on after a crash; nothing is
changed without its user's yes and nothing with more than that user's rights; once words of the
library are in a run, no word that only the library knows leaves the house.
"""
