"""What must be encrypted on its way: nothing leaves this machine in the clear unless it is named.

Sockets and loopback are free. Any other host is reached over TLS and its certificate is checked,
or the operator has said that the network to it is encrypted otherwise (UNENCRYPTED_HOSTS).
"""

from __future__ import annotations

import importlib.util
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from shared.adapters.addresses import read_address
from shared.kernel.errors import InvalidError
from shared.kernel.settings import Settings

_ENCRYPTED = {"http": "https", "ws": "wss", "redis": "rediss"}
_MODES = {"require", "verify-ca", "verify-full"}
_CHECKED = "verify-full"
_UNCHECKED = {"none", "optional"}
# Where libpq looks for roots of its own accord.
_OWN_ROOTS = Path(".postgresql") / "root.crt"


def is_here(host: str) -> bool:
    """Tell whether a host is this machine: a socket, loopback, or nothing named at all."""
    if not host or host.startswith(("/", "@")) or host.lower().rstrip(".") == "localhost":
        return True
    address = read_address(host.strip("[]"))
    return address is not None and address.is_loopback


def named_hosts(text: str) -> frozenset[str]:
    """Read a list of hosts, comma-separated."""
    return frozenset(host.lower() for each in text.split(",") if (host := each.strip()))


def check_settings(config: Settings) -> None:
    """Refuse settings under which something would cross a network in the clear.

    Raises InvalidError that names the variable, never its value.
    """
    named = named_hosts(config.unencrypted_hosts)
    database = config.database_url.get_secret_value()
    if database:
        encrypted_by(config, database)
    for name, address in _addresses(config):
        check_address(name, address, unencrypted=named)
    if not config.clamd_address.startswith("/"):
        host = config.clamd_address.rpartition(":")[0]
        if not (is_here(host) or host.lower() in named):
            raise _in_the_clear(
                "CLAMD_ADDRESS", host, "clamd knows no TLS: run it on this machine, or"
            )


def _addresses(config: Settings) -> Iterator[tuple[str, str]]:
    yield "REDIS_URL", config.redis_url.get_secret_value()
    yield "OPENSEARCH_URL", config.opensearch_url.get_secret_value()
    yield "LLM_API_BASE", config.llm_api_base
    yield "LLM_URL", config.llm_url
    yield "WEB_SEARCH_URL", config.web_search_url
    yield "AWS_ENDPOINT_URL", config.aws_endpoint_url
    yield "WEBSOCKET_ENDPOINT", config.websocket_endpoint


def encrypted_by(config: Settings, url: str) -> str:
    """Return ``encrypted_database`` of an address, under the settings' own exceptions."""
    return encrypted_database(url, unencrypted=named_hosts(config.unencrypted_hosts))


def check_address(name: str, address: str, *, unencrypted: frozenset[str] = frozenset()) -> None:
    """Refuse a setting's address that leads to another host without TLS; raises InvalidError."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
    except ValueError as error:
        raise InvalidError(f"{name} is no address.", fields={name: "scheme://host"}) from error
    if is_here(host) or host in unencrypted:
        return
    if parts.scheme in _ENCRYPTED:
        better = _ENCRYPTED[parts.scheme]
        raise _in_the_clear(name, host, f"Write {better}:// instead of {parts.scheme}://, or")
    if _UNCHECKED & set(parse_qs(parts.query).get("ssl_cert_reqs", ())):
        raise InvalidError(
            f"{name} asks not to check the certificate of {host}.",
            hint="Remove ssl_cert_reqs, and name a private authority with ssl_ca_certs.",
            fields={name: "certificates are checked"},
        )


def encrypted_database(url: str, *, unencrypted: frozenset[str] = frozenset()) -> str:
    """Return a database's address with what keeps it encrypted on its way to another host.

    Without a word on TLS it becomes ``verify-full``: the certificate is checked against the named
    root (``sslrootcert``), else libpq's own, else those this machine trusts. Raises InvalidError
    for an address that allows plain text, and for one that cannot be read.
    """
    try:
        given = {key: str(value) for key, value in conninfo_to_dict(url).items()}
    except psycopg.Error as error:
        raise InvalidError(
            "The database's address cannot be read.",
            hint="Write postgresql://user:password@host/database.",
            fields={"DATABASE_URL": "postgresql://…"},
        ) from error
    effective = {**_of_environment(), **given}
    away = [
        host
        for host in _hosts(effective)
        if not (is_here(host) or host.lower().rstrip(".") in unencrypted)
    ]
    if not away:
        return url
    mode = effective.get("sslmode", _CHECKED)
    if mode not in _MODES:
        raise InvalidError(
            f"The database on {away[0]} would be spoken to without encryption (sslmode={mode}).",
            hint="Write sslmode=verify-full, or name the host in UNENCRYPTED_HOSTS if the network "
            "to it is encrypted otherwise.",
            fields={"DATABASE_URL": "sslmode=verify-full"},
        )
    more = {"sslmode": mode}
    if mode == _CHECKED and "sslrootcert" not in effective and not (_home() / _OWN_ROOTS).exists():
        more["sslrootcert"] = trusted_roots()
    return _with(url, {key: text for key, text in more.items() if given.get(key) != text})


def _with(url: str, more: dict[str, str]) -> str:
    """Add parameters to an address in the form it has."""
    if not more or not url.startswith(("postgres://", "postgresql://")):
        return make_conninfo(url, **more)
    return f"{url}{'&' if '?' in url else '?'}{urlencode(more)}"


def _of_environment() -> dict[str, str]:
    """Return what libpq takes from its own variables and files (PGHOST, PGSSLMODE, …)."""
    return {
        each.keyword.decode(): each.val.decode()
        for each in Conninfo.get_defaults()
        if each.val and each.val != each.compiled
    }


def _hosts(effective: dict[str, str]) -> list[str]:
    """List where libpq would connect to; a service file may say anything, so it counts as away."""
    if "service" in effective and "host" not in effective and "hostaddr" not in effective:
        return ["a service"]
    return (effective.get("hostaddr") or effective.get("host", "")).split(",")


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # nobody's home: a process whose user has no entry
        return Path("/")


def trusted_roots() -> str:
    """Return the file with the authorities that this machine trusts, or that Python brings."""
    found = ssl.get_default_verify_paths().cafile
    if found:
        return found
    brought = importlib.util.find_spec("certifi")
    assert brought is not None, "requests of other kinds need it, too"
    assert brought.origin is not None
    return str(Path(brought.origin).with_name("cacert.pem"))


def _in_the_clear(name: str, host: str, way_out: str) -> InvalidError:
    return InvalidError(
        f"{name} leads to {host} without encryption.",
        hint=f"{way_out} name the host in UNENCRYPTED_HOSTS if the network to it is encrypted "
        "otherwise.",
        fields={name: "encrypted, or on this machine"},
    )
