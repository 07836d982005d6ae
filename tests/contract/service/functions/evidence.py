"""Evidence: what a function saw, left where every target lets a test look."""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

import boto3


def leave(kind: str, seen: Any) -> None:
    client = boto3.client("s3")
    key = f"{kind}/{uuid.uuid4()}.json"
    client.put_object(Bucket=os.environ["EVIDENCE_BUCKET"], Key=key, Body=json.dumps(seen).encode())  # noqa: TID251 - a service of its own
