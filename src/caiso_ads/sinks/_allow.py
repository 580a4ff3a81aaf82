"""Who may connect: a list of IP addresses, networks and ranges, asked when a connection comes in.

Rule: an empty list admits everyone who reaches the port; a listed one admits nobody else. An IPv4 address that comes
in over an IPv6 socket (``::ffff:10.0.0.5``) is the IPv4 address it stands for.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from caiso_ads.errors import ConfigError

ALLOW_FORMS = "IP addresses, CIDR networks or ranges (10.0.0.5-10.0.0.9)"

_Span = tuple[int, int, int]  # IP version, first and last address as numbers


class AllowList:
    """Addresses that may connect. ``table`` and ``key`` name where the texts stand, for the ConfigError."""

    def __init__(self, texts: Iterable[str], *, table: str, key: str = "allow") -> None:
        self._spans = tuple(_span(text, table, key) for text in texts)

    def __bool__(self) -> bool:
        """Whether anything is listed."""
        return bool(self._spans)

    def lists(self, peer: str) -> bool:
        """Return whether the list names this peer; False for what is no IP address."""
        try:
            address = ip_address(peer.partition("%")[0])
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        number = int(address)
        return any(version == address.version and low <= number <= high for version, low, high in self._spans)

    def admits(self, peer: str) -> bool:
        """Return whether this peer may connect."""
        return not self._spans or self.lists(peer)


def _span(text: str, table: str, key: str) -> _Span:
    first, dash, last = text.partition("-")
    try:
        if not dash:
            network = ip_network(text.strip())
            return network.version, int(network.network_address), int(network.broadcast_address)
        low, high = ip_address(first.strip()), ip_address(last.strip())
    except ValueError as error:
        raise ConfigError(f"{text!r}: {error}", table=table, key=key, cure=f"write {ALLOW_FORMS}") from error
    return _range(low, high, text, table, key)


def _range(low: IPv4Address | IPv6Address, high: IPv4Address | IPv6Address, text: str, table: str, key: str) -> _Span:
    if low.version != high.version or int(low) > int(high):
        problem = f"{text!r}: the first address must not be above the last, and both of one kind"
        raise ConfigError(problem, table=table, key=key, cure=f"write {ALLOW_FORMS}")
    return low.version, int(low), int(high)
