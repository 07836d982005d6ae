"""The WebSocket API: handshake, routes, and frames pushed by functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.contract.targets import Cloud

pytestmark = pytest.mark.needs("sockets")


def opened(cloud: Cloud, token: str = "good", query: str = "") -> ClientConnection:
    protocols = [Subprotocol("wires.v1"), Subprotocol(f"bearer.{token}")]
    return connect(cloud.websocket + query, subprotocols=protocols, close_timeout=2)


def received(socket: ClientConnection) -> Any:
    return json.loads(socket.recv(timeout=20))


@pytest.mark.needs("subprotocol")
def test_the_chosen_subprotocol_is_echoed(cloud: Cloud) -> None:
    with opened(cloud) as socket:
        assert socket.subprotocol == "wires.v1"


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("bad", 403),
        pytest.param("nobody", 401, marks=pytest.mark.needs("socket_unauthorized")),
    ],
)
def test_the_authorizer_refuses_the_handshake(cloud: Cloud, token: str, status: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(cloud, token)
    assert refused.value.response.status_code == status


def test_a_handshake_without_its_identity_source_is_unauthorized(cloud: Cloud) -> None:
    with pytest.raises(InvalidStatus) as refused:
        connect(cloud.websocket)
    assert refused.value.response.status_code == 401


def test_the_connect_route_may_refuse(cloud: Cloud) -> None:
    with pytest.raises(InvalidStatus) as refused:
        opened(cloud, query="?refuse=1")
    assert refused.value.response.status_code == 403


def test_a_frame_takes_the_route_it_names(cloud: Cloud) -> None:
    with opened(cloud) as socket:
        socket.send(json.dumps({"action": "say", "words": "ä"}))
        frame = received(socket)
    assert frame["route"] == "say"
    assert json.loads(frame["body"])["words"] == "ä"
    assert frame["authorizer"]["tenant_id"] == "t1"
    assert frame["authorizer"]["principalId"] == "u1"


@pytest.mark.parametrize(
    "frame",
    [
        "plain text",
        '{"action": "unheard"}',
        pytest.param('{"action": "$connect"}', marks=pytest.mark.needs("reserved_routes")),
    ],
)
def test_any_other_frame_takes_the_default_route(cloud: Cloud, frame: str) -> None:
    with opened(cloud) as socket:
        socket.send(frame)
        seen = received(socket)
    assert (seen["route"], seen["body"]) == ("$default", frame)


def test_a_route_with_a_response_answers_the_sender(cloud: Cloud) -> None:
    with opened(cloud) as socket:
        socket.send('{"action": "answer", "n": 1}')
        assert received(socket) == {"answer": {"action": "answer", "n": 1}}


@pytest.mark.needs("socket_errors")
def test_a_route_that_fails_says_so_without_details(cloud: Cloud) -> None:
    with opened(cloud) as socket:
        socket.send('{"action": "crash"}')
        frame = received(socket)
    assert frame["message"] == "Internal server error"
    assert set(frame) == {"message", "connectionId", "requestId"}


def test_a_closed_connection_is_announced_and_then_gone(cloud: Cloud) -> None:
    with opened(cloud) as socket:
        socket.send('{"action": "say"}')
        connection_id = received(socket)["id"]
    cloud.evidence("disconnects", lambda seen: seen["id"] == connection_id)
    client = _management(cloud)
    with pytest.raises(client.exceptions.GoneException):
        client.post_to_connection(ConnectionId=connection_id, Data=b"x")
    with pytest.raises(client.exceptions.GoneException):
        client.get_connection(ConnectionId=connection_id)


@pytest.mark.needs("described_connections")
def test_a_function_may_describe_and_close_a_connection(cloud: Cloud) -> None:
    with opened(cloud) as socket:
        socket.send('{"action": "say"}')
        connection_id = received(socket)["id"]
        client = _management(cloud)
        described = client.get_connection(ConnectionId=connection_id)
        assert described["ConnectedAt"] <= described["LastActiveAt"]
        client.delete_connection(ConnectionId=connection_id)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=20)


@pytest.mark.needs("limits")
def test_a_message_over_its_limit_closes_the_connection(cloud: Cloud) -> None:
    with opened(cloud) as socket:
        socket.send("x" * (128 * 1024 + 1))
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def _management(cloud: Cloud) -> Any:
    import boto3

    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=cloud.connections,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
