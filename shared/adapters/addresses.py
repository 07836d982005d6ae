"""Which network addresses are public, however they are written or wrapped.

``ipaddress.is_global`` alone is not enough: Python 3.11 calls 64:ff9b::7f00:1 (NAT64 of
127.0.0.1), 2002:7f00:1:: (6to4 of the same), 224.0.0.1 and fec0::1 global.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_UNICAST = IPv6Network("2000::/3")  # all that is assigned to the open internet (RFC 4291)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052
_RELAYS = IPv4Address("192.88.99.0")  # 6to4 relays, withdrawn by RFC 7526
_RELAY_BITS = 0xFFFFFF00
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")  # RFC 5214


def read_address(text: str) -> Address | None:
    """Read an address in its ordinary writing; ``None`` for a name or any other writing.

    A zone ("fe80::1%eth0") makes an address local, so it is kept and never public.
    """
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Tell whether an address, or the one it stands for, is on the open internet.

    Tunnels (6to4, Teredo, ISATAP) lead through a second address of anybody's choice and serve
    nobody today, so they are never public.
    """
    if isinstance(address, IPv4Address):
        return (
            address.is_global
            and not address.is_multicast
            and not address.is_reserved
            and int(address) & _RELAY_BITS != int(_RELAYS)
        )
    inner = address.ipv4_mapped
    if address in _NAT64:
        inner = IPv4Address(address.packed[12:])
    if inner is not None:
        return is_public(inner)
    is_tunnel = (
        address.sixtofour is not None
        or address.teredo is not None
        or address.packed[8:12] in _ISATAP
    )
    return (
        address in _UNICAST
        and address.scope_id is None
        and address.is_global
        and not is_tunnel
        and not address.is_reserved
    )
