"""Intake: S3 has new bytes; look at them, keep them once, start their workflow."""
