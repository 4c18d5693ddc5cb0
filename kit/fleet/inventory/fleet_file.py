"""fleet.yaml → Fleet. config/fleet.example.yaml documents every key; what it does not list is refused by name."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from common.errors import UsageError
from common.gateway import address as gateway
from common.watch import notifying
from kit.fleet.inventory import yaml_lines
from kit.fleet.inventory.fleet import Box, Fleet, WaveRule
from kit.fleet.inventory.yaml_lines import Located

# Of the fleet, of a group, of a box: the nearest counts.
ADDRESSES = ("inference_address", "gateway_address")
FLEET_KEYS = (
    *("boxes", "groups", "waves", "pause", "soak", "allowed_failures", "confirm_seconds"),
    *("parallel", "bwlimit", "signers", "notify", *ADDRESSES),
)
BOX_KEYS = ("address", "groups", *ADDRESSES)
GROUP_KEYS = ADDRESSES
WAVE_KEYS = ("group", "count", "percent", "pause", "soak", "allowed_failures")
SELECTORS = ("group", "count", "percent")
# The box reverts automatically when no confirm comes; under ten seconds a slow link alone would do that.
LEAST_CONFIRM_SECONDS = 10
ADDRESS = re.compile(r"[A-Za-z0-9_.@:%+][A-Za-z0-9_.@:%+-]*")
LEAST_SOAK_SECONDS = 120  # of which there is a whole minute in every record
NO_GATEWAY = "none"
LEAST_PORT = 1024  # of those that a program without root's rights may listen at
Addresses = dict[str, str]
EXAMPLE = "config/fleet.example.yaml shows every key"


def read_fleet(file: Path) -> Fleet:
    """Raises UsageError, with file:line, for whatever is wrong in it."""
    if not file.is_file():
        raise UsageError(f"there is no fleet file {file}", f"FLEET=your.yaml; {EXAMPLE}")
    top = yaml_lines.read(file).mapping("a fleet file", FLEET_KEYS)
    groups = read_groups(top.get("groups"))
    everywhere = read_addresses(top)
    if "boxes" not in top:
        raise UsageError(f"{file}: no 'boxes'", EXAMPLE)
    boxes = read_boxes(top["boxes"], groups, everywhere)
    defaults = Fleet("", "", ())
    return Fleet(
        name=file.stem,
        source=str(file.resolve()),
        boxes=boxes,
        waves=read_waves(top.get("waves"), boxes),
        pause=top["pause"].number("pause", 0) if "pause" in top else defaults.pause,
        soak=read_soak(top["soak"]) if "soak" in top else defaults.soak,
        allowed_failures=whole(top, "allowed_failures", 0, defaults.allowed_failures),
        confirm_seconds=whole(top, "confirm_seconds", LEAST_CONFIRM_SECONDS, defaults.confirm_seconds),
        parallel=whole(top, "parallel", 1, defaults.parallel),
        bwlimit=whole(top, "bwlimit", 0, defaults.bwlimit),
        signers=str(file.parent / top["signers"].text("signers")) if "signers" in top else "",
        notify=read_notify(top.get("notify")),
    )


def read_hosts(hosts: str) -> Fleet:
    """HOSTS=pi@shelf-01,pi@shelf-02: a fleet with no file, the first box its canary. Raises UsageError."""
    addresses = [address for address in re.split(r"[,\s]+", hosts) if address]
    for address in addresses:
        if why := wrong_address(address):
            raise UsageError(f"HOSTS: {address!r} {why}")
    boxes = tuple(map(Box, addresses))
    names = [box.name for box in boxes]
    if doubled := next((name for name in names if names.count(name) > 1), ""):
        raise UsageError(f"HOSTS names {doubled} twice")
    if not addresses:
        raise UsageError("HOSTS names no box", "HOSTS=pi@shelf-01, or FLEET=fleet.yaml")
    name = "+".join(addresses)
    return Fleet(name if len(name) <= 60 else f"{name[:60]}+", f"HOSTS={','.join(addresses)}", boxes, pause=0)


def wrong_address(address: str) -> str:
    """Why ssh must not be given this address, "" when it may. One that begins with a dash would be an option."""
    if "://" in address:
        return "is a URL: write user@host, and name a port in your ssh config (Host …, Port …)"
    if not ADDRESS.fullmatch(address):
        return "is not an address that ssh takes: user@host, or a Host of your ssh config"
    host = address.rpartition("@")[2]
    if ":" in host and not is_ipv6(host):
        return "names a port, which ssh does not take there: give it a Host and a Port in your ssh config"
    return ""


def is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True


def read_groups(given: Located | None) -> dict[str, Addresses]:
    if given is None:
        return {}
    found = {}
    for name, settings in given.mapping("groups").items():
        keys = settings.mapping(f"group {name}", GROUP_KEYS)
        found[name] = read_addresses(keys)
    return found


def read_boxes(given: Located, groups: Mapping[str, Addresses], everywhere: Addresses) -> tuple[Box, ...]:
    found: dict[str, Box] = {}
    for item in given.items("boxes"):
        keys = item.mapping("a box", BOX_KEYS) if item.is_mapping else {"address": item}
        if "address" not in keys:
            raise item.wrong("a box needs an 'address'", "address: pi@shelf-01")
        address = keys["address"].text("address")
        if why := wrong_address(address):
            raise keys["address"].wrong(f"{address!r} {why}")
        own_groups = (
            tuple(member.text("a group") for member in keys["groups"].items("groups")) if "groups" in keys else ()
        )
        nearest = [read_addresses(keys), *(groups[name] for name in own_groups if name in groups), everywhere]
        chosen = {key: next((each[key] for each in nearest if each[key]), "") for key in ADDRESSES}
        box = Box(address, own_groups, **chosen)
        check_together(item, box)
        if box.name in found:
            raise item.wrong(
                f"{box.name} is listed twice", "each box once: two deployments to it would get in each other's way"
            )
        found[box.name] = box
    if not found:
        raise given.wrong("no boxes", EXAMPLE)
    return tuple(found.values())


def read_waves(given: Located | None, boxes: tuple[Box, ...]) -> tuple[WaveRule, ...]:
    if given is None:
        return ()
    known = {group: None for box in boxes for group in box.groups}
    return tuple(read_wave(item, tuple(known)) for item in given.items("waves"))


def read_wave(item: Located, known: tuple[str, ...]) -> WaveRule:
    keys = item.mapping("a wave", WAVE_KEYS)
    chosen = [key for key in SELECTORS if key in keys]
    if len(chosen) != 1:
        raise item.wrong("a wave takes its boxes by one of group, count or percent", "count: 5")
    group = keys["group"].text("group") if "group" in keys else ""
    if group and group not in known:
        raise keys["group"].wrong(f"no box is in group {group!r}", yaml_lines.suggestion(group, known or ("no group",)))
    return WaveRule(
        group=group,
        count=whole(keys, "count", 1, 0),
        percent=keys["percent"].number("percent", 0.001, 100) if "percent" in keys else 0.0,
        pause=keys["pause"].number("pause", 0) if "pause" in keys else None,
        soak=read_soak(keys["soak"]) if "soak" in keys else None,
        allowed_failures=keys["allowed_failures"].whole("allowed_failures", 0) if "allowed_failures" in keys else None,
    )


def read_soak(given: Located) -> float:
    seconds = given.number("soak", 0)
    if 0 < seconds < LEAST_SOAK_SECONDS:
        raise given.wrong(f"soak: {seconds:g} s tell nothing", f"0 for none, or {LEAST_SOAK_SECONDS} s and more")
    return seconds


def whole(keys: Mapping[str, Located], key: str, least: int, default: int) -> int:
    return keys[key].whole(key, least) if key in keys else default


def read_addresses(keys: Mapping[str, Located]) -> Addresses:
    """By key, "" for one that is not said."""
    return {
        "inference_address": read_url(keys.get("inference_address")),
        "gateway_address": read_gateway(keys.get("gateway_address")),
    }


def read_gateway(given: Located | None) -> str:
    """Where the gateway listens, gateway.OFF for none. Raises UsageError for what is no address of one."""
    if given is None:
        return ""
    text = given.text("gateway_address")
    if text == NO_GATEWAY:
        return gateway.OFF
    try:
        return checked_gateway(text)
    except UsageError as error:
        raise given.wrong(f"gateway_address: {error.message}", f"{error.hint}, {NO_GATEWAY} for no gateway") from None


def checked_gateway(text: str) -> str:
    """As a box takes it, "" for "". Raises UsageError for what is no address that a box's gateway can listen at."""
    parsed = gateway.parse(text)
    if parsed and parsed.port < LEAST_PORT:
        raise UsageError(
            f"port {parsed.port} is for root alone, and nginx has no right of root's there", "0.0.0.0:8443"
        )
    return text if parsed or not text else gateway.OFF


def read_notify(given: Located | None) -> str:
    """Raises UsageError for what is neither a URL nor a command."""
    if given is None:
        return ""
    text = given.text("notify")
    try:
        return text if text == notifying.NONE else notifying.checked(text)
    except UsageError as error:
        raise given.wrong(error.message, f"{error.hint}; {notifying.NONE} for nobody") from None


def check_together(item: Located, box: Box) -> None:
    """Raises UsageError where TorchServe would face the network beside its own gateway."""
    if not (box.inference_address and gateway.parse(box.gateway_address)):
        return
    if not gateway.is_local(str(urlsplit(box.inference_address).hostname)):
        raise item.wrong(
            f"{box.name} has a gateway, so its TorchServe may not listen at {box.inference_address}, too",
            "inference_address: http://127.0.0.1:8080",
        )


def read_url(given: Located | None) -> str:
    """Where TorchServe listens. Raises UsageError for one that TorchServe would not take."""
    if given is None:
        return ""
    url = given.text("inference_address")
    try:
        parts = urlsplit(url)
        if parts.scheme == "https":
            raise given.wrong(f"inference_address {url!r}: a box serves http, and no https", "http://0.0.0.0:8080")
        if parts.scheme == "http" and parts.hostname and parts.port and not parts.path.strip("/"):
            return url
    except ValueError:
        pass
    raise given.wrong(f"inference_address {url!r} is not an address to listen at", "http://0.0.0.0:8080")
