"""Delivery: one folder is one Lambda, one kind of event, one IAM role."""
