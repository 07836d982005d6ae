"""Which hosts may be reached at all: the list that the operator gives, or every public one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.adapters.addresses import read_address
from shared.kernel.errors import InvalidError, RefusedError

NOBODY = "none"
_BELOW = "*."
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")


@dataclass(frozen=True, slots=True)
class AllowList:
    """Hosts by name, and domains of which everything below is meant; ``None``: any host."""

    hosts: frozenset[str] | None = None
    domains: frozenset[str] = frozenset()

    def permits(self, host: str) -> bool:
        """Tell whether a host may be reached; how it is written makes no difference."""
        if self.hosts is None:
            return True
        plain = host.lower().rstrip(".")
        if plain in self.hosts:
            return True
        labels = plain.split(".")
        return any(".".join(labels[at:]) in self.domains for at in range(1, len(labels)))

    def require(self, host: str) -> None:
        """Raise RefusedError for a host that is not on the list."""
        if not self.permits(host):
            raise RefusedError(
                f"{host} is not among the hosts that this server may reach.",
                hint="Ask whoever runs it to add the host to EGRESS_ALLOW.",
            )


EVERYBODY = AllowList()


def read_allow_list(text: str) -> AllowList:
    """Read EGRESS_ALLOW: nothing is everybody, ``none`` nobody. Raises InvalidError."""
    entries = [entry for each in text.split(",") if (entry := each.strip().lower().rstrip("."))]
    if not entries:
        return EVERYBODY
    if entries == [NOBODY]:
        return AllowList(frozenset())
    hosts: set[str] = set()
    domains: set[str] = set()
    for entry in entries:
        name = entry.removeprefix(_BELOW)
        is_address = read_address(name) is not None and name == entry
        if entry == NOBODY or not (is_address or _NAME.fullmatch(name)):
            raise InvalidError(
                f"{entry!r} in EGRESS_ALLOW is no host.",
                hint="Write hosts alone, like api.example.org or *.example.org, or none.",
                fields={"EGRESS_ALLOW": "hosts, comma-separated"},
            )
        (domains if entry.startswith(_BELOW) else hosts).add(name)
    return AllowList(frozenset(hosts), frozenset(domains))
