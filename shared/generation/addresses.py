"""Where a tenant's own routes may lead: public servers over HTTPS, and hosts the operator names.

A route is a way to make the house send requests, so it must not lead inside: not to metadata
services, not to the private network. The name is looked up when a route is written, before each
call, and once more when the connection is made, which goes to the address that was found then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from shared.adapters.addresses import is_public, read_address
from shared.adapters.allowing import EVERYBODY, AllowList
from shared.adapters.egress import resolve
from shared.kernel.errors import InvalidError, RefusedError, UnavailableError

TENANT_PROVIDERS = frozenset(
    {
        "openai", "anthropic", "ollama", "ollama_chat", "azure", "mistral", "groq", "gemini",
        "openrouter", "deepseek", "hosted_vllm", "lm_studio", "together_ai", "xai",
    }
)  # fmt: skip
"""Providers a tenant may name: paid with the tenant's own key, never by the function's role."""


def check_provider(provider: str) -> None:
    """Raise InvalidError for a provider that tenants cannot name."""
    if provider not in TENANT_PROVIDERS:
        raise InvalidError(
            f"Routes to {provider} are the operator's to make.",
            hint=f"Use one of {', '.join(sorted(TENANT_PROVIDERS))}.",
            fields={"model": "a provider that takes a key"},
        )


def check_address(
    address: str, *, private_hosts: frozenset[str], allow: AllowList = EVERYBODY
) -> None:
    """Raise InvalidError for an address inside, RefusedError for one that ``allow`` lacks.

    Raises UnavailableError when its name is not known.
    """
    if not address:
        return
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused(address) from error
    if host in private_hosts and parts.scheme in {"http", "https"}:
        return
    if parts.scheme != "https" or not host or parts.username or parts.password:
        raise _refused(address)
    allow.require(host)
    try:
        reachable(host, port or 443, private_hosts=private_hosts, resolver=resolve)
    except RefusedError as error:
        raise _refused(address) from error


def reachable(
    host: str,
    port: int,
    *,
    private_hosts: frozenset[str] | None,
    resolver: Callable[[str, int], Sequence[str]],
    allow: AllowList = EVERYBODY,
) -> list[str]:
    """Look a host up and return its addresses; ``private_hosts`` may be inside, ``None``: any.

    Raises RefusedError when one of them is not public or ``allow`` lacks the host,
    UnavailableError for an unknown name.
    """
    if private_hosts is not None and host not in private_hosts:
        allow.require(host)
    try:
        found = list(resolver(host, port))
    except OSError as error:
        raise UnavailableError(
            f"The host {host} of a language model is not known.", hint="Check the address."
        ) from error
    if private_hosts is None or host in private_hosts:
        return found
    addresses = [read_address(each) for each in found]
    if not all(each is not None and is_public(each) for each in addresses):
        raise RefusedError(f"{host} is not a public address.")
    return found


def _refused(address: str) -> InvalidError:
    return InvalidError(
        f"A language model cannot be reached at {address!r}.",
        hint="Give a public https address, or let the operator add the host to LLM_PRIVATE_HOSTS.",
        fields={"api_base": "https://…"},
    )
