"""Keeps up a WebSocket conversation."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3

from functions.evidence import leave


def _post(event: dict[str, Any], frame: dict[str, Any]) -> None:
    context = event["requestContext"]
    endpoint = os.environ.get("WEBSOCKET_ENDPOINT") or (  # noqa: TID251 - a service of its own
        f"https://{context['domainName']}/{context['stage']}"
    )
    client = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    client.post_to_connection(ConnectionId=context["connectionId"], Data=json.dumps(frame).encode())


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    request = event["requestContext"]
    route = request["routeKey"]
    if route == "$connect":
        query = event.get("queryStringParameters") or {}
        if query.get("refuse"):
            return {"statusCode": 403}
        return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": "wires.v1"}}
    if route == "$disconnect":
        leave("disconnects", {"id": request["connectionId"], "who": request.get("authorizer")})
    elif route == "crash":
        raise LookupError("crashed on purpose")
    elif route == "answer":
        return {"statusCode": 200, "body": json.dumps({"answer": json.loads(event["body"])})}
    else:
        frame = {"route": route, "body": event["body"], "id": request["connectionId"]}
        frame["authorizer"] = request.get("authorizer")
        _post(event, frame)
    return {"statusCode": 200}
