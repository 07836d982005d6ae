"""Index: chunks and vectors become findable in one transaction."""
