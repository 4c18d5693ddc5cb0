"""What clients may call a box: read from the kernel's own lists."""

from __future__ import annotations

import socket

from box.system import names

FIB_TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 192.0.2.0/24 2 0 2
        |-- 192.0.2.0
           /24 link UNICAST
        |-- 192.0.2.7
           /32 host LOCAL
        |-- 192.0.2.255
           /32 link BROADCAST
Local:
        |-- 127.0.0.1
           /32 host LOCAL
        |-- 192.0.2.7
           /32 host LOCAL
"""
IF_INET6 = """00000000000000000000000000000001 01 80 10 80       lo
fe80000000000000021122fffe334455 02 40 20 80     eth0
20010db8000000000000000000000007 02 40 00 80     eth0
"""


def test_addresses_of_its_own_and_no_others() -> None:
    assert names.ipv4(FIB_TRIE) == ["127.0.0.1", "192.0.2.7"]
    assert names.ipv6(IF_INET6) == ["2001:db8::7", "::1"]


def test_this_machine_s_names() -> None:
    assert names.own()[:2] == [socket.gethostname(), "localhost"]
    assert "127.0.0.1" in names.own()
