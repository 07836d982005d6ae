"""Function URLs: whole answers and streams."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.contract.targets import Cloud, wait_for


@pytest.mark.needs("url")
def test_a_url_answers_with_its_own_path_and_cors(cloud: Cloud) -> None:
    answer = httpx.get(
        f"{cloud.urls['address']}/some/where", headers={"origin": "https://example.org"}
    )
    assert answer.json() == {"path": "/some/where"}
    assert answer.headers["access-control-allow-origin"] == "https://example.org"


@pytest.mark.needs("streaming")
def test_a_stream_arrives_piece_by_piece(cloud: Cloud) -> None:
    moments, text = [], ""
    with httpx.stream("POST", f"{cloud.urls['chat_stream']}/talk", content=b"hi") as answer:
        for piece in answer.iter_text():
            moments.append(time.monotonic())
            text += piece
    assert text == "".join(f"data: {n} hi\n\n" for n in range(5))
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["set-cookie"] == "s=1"
    assert len(moments) >= 4
    assert moments[-1] - moments[0] > 0.1


@pytest.mark.needs("streaming")
def test_an_error_before_the_head_is_a_bad_gateway(cloud: Cloud) -> None:
    assert httpx.get(f"{cloud.urls['chat_stream']}/early").status_code == 502


@pytest.mark.needs("streaming")
def test_an_error_midway_breaks_the_stream_off(cloud: Cloud) -> None:
    text = ""

    def read() -> None:
        nonlocal text
        with httpx.stream("POST", f"{cloud.urls['chat_stream']}/midway", content=b"x") as answer:
            for piece in answer.iter_text():
                text += piece

    with pytest.raises(httpx.RemoteProtocolError):
        read()
    assert text.startswith("data: 0 x")
    assert "data: 3" not in text


@pytest.mark.needs("streaming")
def test_a_client_that_leaves_stops_the_stream(cloud: Cloud) -> None:
    url = cloud.urls["chat_stream"]
    with httpx.stream("GET", f"{url}/forever") as answer:
        next(answer.iter_bytes())

    def is_stopped() -> bool:
        # Asked at once, so that every environment is: only the one that was left knows.
        with ThreadPoolExecutor(3) as beside:
            return any(
                "stopped" in each.text for each in beside.map(httpx.get, [f"{url}/left"] * 3)
            )

    assert wait_for(is_stopped)
