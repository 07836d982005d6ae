"""Migrations: numbered SQL files, applied once, in order, checked by hash, never edited."""
