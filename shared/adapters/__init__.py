"""Adapters: the only place that speaks to Postgres, S3, SQS, Step Functions and EventBridge."""
