"""Decides for the HTTP API (simple answer) and the WebSocket API (a policy)."""

from __future__ import annotations

from typing import Any


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if "methodArn" not in event:
        token = headers.get("authorization", "")
        if token == "Bearer crash":
            raise RuntimeError("the authorizer is broken")
        user = {"user_id": "u1", "tenant_id": "t1"}
        return {"isAuthorized": token == "Bearer good", "context": user}
    protocols = [p.strip() for p in headers["sec-websocket-protocol"].split(",")]
    if "bearer.nobody" in protocols:
        raise RuntimeError("Unauthorized")
    effect = "Allow" if "bearer.good" in protocols else "Deny"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {
        "principalId": "u1",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {"tenant_id": "t1"},
    }
