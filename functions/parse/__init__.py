"""Parse: the first state of the ingest workflow, from a file to text and chunks."""
