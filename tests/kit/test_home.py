from __future__ import annotations

import pytest

from kit import home


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("~/net.pt", "/home/ann/net.pt"),
        ("~/net.py:make", "/home/ann/net.py:make"),
        ("~/a ~/b c~d", "/home/ann/a /home/ann/b c~d"),
        ("'~/my pictures' x", "'/home/ann/my pictures' x"),
        ("~", "/home/ann"),
        ("~root/x", "/root/x"),
        ("~nobody-of-this-name/x", "~nobody-of-this-name/x"),
        ("backup~", "backup~"),
        ("/data/~old/x", "/data/~old/x"),
    ],
)
def test_a_tilde_is_expanded_where_a_path_begins(given: str, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    environment = {"PICTURES": given, "HOSTS": "~pi@box"}
    home.expand(environment)
    assert environment == {"PICTURES": wanted, "HOSTS": "~pi@box"}
