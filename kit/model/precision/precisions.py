"""The precisions a model is exported in, and which one an export is to have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from common.errors import UsageError
from kit.machine import CPUINFO, detect, processor_flags
from kit.model.precision import hardware
from kit.profiles import Profile

PRECISIONS = ("fp32", "bf16", "fp16", "int8")
AUTO = "auto"
DEFAULT = "fp32"


@dataclass(frozen=True)
class Choice:
    """`name` is one of PRECISIONS; `asked` what the profile or the user said, which may be auto; `note` is for the
    user, "" when there is nothing to say."""

    name: str
    asked: str
    reason: str
    platform: str
    note: str = ""

    @property
    def engine(self) -> str:
        """torch's int8 kernels, "" when the model is not int8."""
        return hardware.ENGINES[self.platform] if self.name == "int8" else ""


def of(profile: Profile, wanted: str = "", platform: str = "") -> Choice:
    """What PRECISION and PLATFORM come to, given as `wanted` and `platform`; "" for the profile's and this machine's.

    Raises UsageError for a precision that there is not, or that cannot run where the profile runs.
    """
    machine, flags = detect(), processor_flags(CPUINFO.read_text())
    target = hardware.platform(platform, machine.processor)
    here = target == f"linux_{machine.processor}"
    asked = asked_for(profile, wanted)
    device = profile.read_model_config().get("deviceType")
    gpus = () if device == "cpu" else machine.gpus
    if asked == AUTO:
        name, reason = hardware.best(target, here, gpus, flags)
        return Choice(name, asked, reason, target)
    if asked == "int8" and device == "gpu":
        raise UsageError(
            f"int8 models run on processors, and the profile {profile.name} asks for a GPU (deviceType: gpu)",
            "PRECISION=fp16, or a profile for processors: PROFILE=onprem",
        )
    # A profile for GPUs may be built on a machine without one; any other is likely to run where it is built.
    slow = hardware.why_slow(asked, gpus, flags) if here and device != "gpu" else ""
    reason = "asked for with PRECISION" if wanted else f"the profile {profile.name}'s"
    return Choice(asked, asked, reason, target, f"{slow}: expect no gain over fp32" if slow else "")


def asked_for(profile: Profile, wanted: str) -> str:
    """PRECISION, given as `wanted`, or the profile's `precision:`; one of PRECISIONS or auto.

    Raises UsageError for anything else.
    """
    if wanted not in ("", *PRECISIONS, AUTO):
        raise UsageError(f"PRECISION={wanted} is not one of {_known()}", f"PRECISION={_known('|')}")
    return wanted or _of_profile(profile)


def _of_profile(profile: Profile) -> str:
    section: Any = profile.read_model_config().get("handler") or {}
    if not isinstance(section, dict):
        raise UsageError(f"{profile.model_config}: `handler:` must hold settings, not {section!r}")
    wanted = section.get("precision", DEFAULT)
    if not isinstance(wanted, str) or wanted not in (*PRECISIONS, AUTO):
        raise UsageError(
            f"{profile.model_config}: precision {wanted!r} is not one of {_known()}",
            "set `precision:` in its `handler:` section to one of them",
        )
    return wanted


def _known(between: str = ", ") -> str:
    return between.join((*PRECISIONS, AUTO))
