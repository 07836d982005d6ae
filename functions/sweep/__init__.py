"""Sweep: once a minute, mend what a crash or a lost event left behind."""
