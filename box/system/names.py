"""What clients may call this box: its host name, and the addresses that it has now."""

from __future__ import annotations

import ipaddress
import re
import socket
from pathlib import Path

# `32 host LOCAL` below an address: one of this machine's own (Linux, net/ipv4/fib_trie.c).
LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")


def own() -> list[str]:
    found = [*ipv4(_read("/proc/net/fib_trie")), *ipv6(_read("/proc/net/if_inet6"))]
    return list(dict.fromkeys([socket.gethostname(), "localhost", *found]))


def ipv4(fib_trie: str) -> list[str]:
    """Of the kernel's routing table."""
    return sorted(set(LOCAL.findall(fib_trie)))


def ipv6(if_inet6: str) -> list[str]:
    """Of the kernel's list, but for those that only the link itself knows."""
    rows = [line.split() for line in if_inet6.splitlines()]
    found = [ipaddress.IPv6Address(int(row[0], 16)) for row in rows if row]
    return sorted(str(address) for address in found if not address.is_link_local)


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="ascii")
    except OSError:
        return ""
