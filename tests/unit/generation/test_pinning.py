"""Language models are reached at the address that was checked, whatever a name says next."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest

from shared.adapters.allowing import read_allow_list
from shared.generation.addresses import check_address, reachable
from shared.generation.model import Request, Route
from shared.generation.pinning import pinned_transport, reaching
from shared.generation.providers import Providers, RouteFailedError
from shared.kernel.errors import InvalidError, RefusedError
from tests.unit.generation.model_server import ModelServer, model_server

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
PUBLIC, INSIDE = "93.184.215.14", "127.0.0.1"


class Turncoat:
    """A name server that says something public first and something inside from then on."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, _port: int) -> Sequence[str]:
        self.asked += 1
        return [self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]]


def test_a_name_that_turns_inside_between_check_and_call_reaches_nobody() -> None:
    names = Turncoat(PUBLIC, INSIDE)
    assert reachable("model.example", 443, private_hosts=frozenset(), resolver=names) == [PUBLIC]
    with model_server() as server:
        client = httpx.Client(transport=pinned_transport(names))
        url = f"http://model.example:{server.server_port}/v1/chat/completions"
        with client, pytest.raises(httpx.ConnectError, match="not a public address"):
            client.post(url, json={})
        assert server.requests == []
    assert names.asked == 2


def test_the_connection_asks_for_the_name_once_and_keeps_it_for_the_server() -> None:
    names = Turncoat(INSIDE)
    with model_server() as server:
        client = httpx.Client(transport=pinned_transport(names))
        url = f"http://model.example:{server.server_port}/v1/chat/completions"
        with client, reaching(frozenset({"model.example"})):
            client.post(url, json={"model": "m", "messages": [], "stream": True}).raise_for_status()
        assert server.headers[0]["host"] == f"model.example:{server.server_port}"
    assert names.asked == 1


def test_one_address_inside_refuses_all_of_a_name() -> None:
    def both(_host: str, _port: int) -> list[str]:
        return [PUBLIC, "169.254.169.254"]

    with pytest.raises(RefusedError):
        reachable("model.example", 443, private_hosts=frozenset(), resolver=both)


def test_a_host_that_is_not_on_the_list_is_neither_written_nor_called() -> None:
    names = Turncoat(PUBLIC)
    allow = read_allow_list("models.example")
    with pytest.raises(RefusedError, match="may reach"):
        check_address("https://api.elsewhere.example/v1", private_hosts=frozenset(), allow=allow)
    client = httpx.Client(transport=pinned_transport(names))
    refused = pytest.raises(httpx.ConnectError, match="may reach")
    with client, reaching(frozenset(), allow=allow), refused:
        client.get("https://api.elsewhere.example/v1/models")
    assert names.asked == 0
    assert reachable(
        "models.example", 443, private_hosts=frozenset(), resolver=names, allow=allow
    ) == [PUBLIC]


def test_a_providers_own_address_that_is_not_on_the_list_is_refused_in_our_words() -> None:
    route = Route(name="theirs", model="openai/gpt-4o-mini")
    request = Request(purpose="chat", messages=[{"role": "user", "content": "?"}], max_tokens=5)
    with pytest.raises(RouteFailedError, match=r"api\.openai\.com is not among the hosts"):
        list(
            Providers().stream(
                route, request, key="k", first_word_s=5, allow=read_allow_list("none")
            )
        )


def test_an_address_inside_is_refused_when_it_is_written() -> None:
    for address in ("https://127.0.0.1/v1", "https://169.254.169.254/", "http://8.8.8.8/v1"):
        with pytest.raises(InvalidError):
            check_address(address, private_hosts=frozenset())


@pytest.mark.parametrize("model", ["openai/m", "anthropic/m", "ollama_chat/m"])
def test_every_client_of_litellm_is_pinned(model: str) -> None:
    with model_server() as server:
        with pytest.raises(RouteFailedError):
            _ask(server, model, is_deployments=False)
        assert server.requests == []
        _ask(server, model, is_deployments=True)
        assert len(server.requests) == 1


def _ask(server: ModelServer, model: str, *, is_deployments: bool) -> None:
    address = server.address if model.startswith("openai") else server.root
    route = Route(name="m", model=model, api_base=address, is_deployments=is_deployments)
    request = Request(
        purpose="chat", messages=[{"role": "user", "content": "Welche Frist gilt?"}], max_tokens=50
    )
    list(Providers().stream(route, request, key="sk-key", first_word_s=10))
