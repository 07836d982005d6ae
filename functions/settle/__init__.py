"""Settle: the last state of every ingest, Ready or Failed."""
