"""Adapters: the only rooms that speak to vendors — Postgres, S3, SQS, Step Functions, EventBridge."""
