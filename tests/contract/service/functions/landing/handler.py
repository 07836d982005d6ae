"""Takes note of uploads: what S3 announced, and what the object already said by then."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote_plus

import boto3

from functions.evidence import leave


def handler(event: dict[str, Any], context: object) -> None:
    client = boto3.client("s3")
    for record in event["Records"]:
        body = json.loads(record["body"])
        for entry in body.get("Records", []):
            key = unquote_plus(entry["s3"]["object"]["key"])
            head = client.head_object(Bucket=entry["s3"]["bucket"]["name"], Key=key)
            facts = {"key": key, "type": head["ContentType"], "metadata": head["Metadata"]}
            leave("landings", {"event": entry, **facts})
