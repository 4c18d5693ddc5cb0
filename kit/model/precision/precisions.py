"""The precisions a model is exported in, and which one an export is to have."""

from __future__ import annotations

from dataclasses import dataclass

from common.errors import UsageError
from kit.machine import CPUINFO, detect, processor_flags
from kit.model import runtimes
from kit.model.precision import hardware
from kit.profiles import Profile

PRECISIONS = ("fp32", "bf16", "fp16", "int8")
AUTO = "auto"
DEFAULT = "fp32"
ONNX_ENGINE = "onnxruntime"


@dataclass(frozen=True)
class Choice:
    """`name` is one of PRECISIONS; `asked` what the profile or the user said, which may be auto; `note` is for the
    user, "" when there is nothing to say. `runtime` is torch or onnx, `runtime_asked` what was asked for."""

    name: str
    asked: str
    reason: str
    platform: str
    note: str = ""
    runtime: str = runtimes.TORCH
    runtime_asked: str = runtimes.TORCH

    @property
    def engine(self) -> str:
        """What int8 is for: torch's kernels of a platform, or ONNX Runtime, whose files are the same for all; "" when
        the model is not int8."""
        if self.name != "int8":
            return ""
        return hardware.ENGINES[self.platform] if self.runtime == runtimes.TORCH else ONNX_ENGINE


def of(profile: Profile, wanted: str = "", platform: str = "", runtime: str = "") -> Choice:
    """What PRECISION, PLATFORM and RUNTIME come to, given as `wanted`, `platform` and `runtime`; "" for the profile's
    and this machine's.

    Raises UsageError for a precision that there is not, or that cannot run where the profile runs.
    """
    machine, flags = detect(), processor_flags(CPUINFO.read_text())
    target = hardware.platform(platform, machine.processor)
    here = target == f"linux_{machine.processor}"
    asked = asked_for(profile, wanted)
    runtime_asked = runtimes.asked_for(profile, runtime)
    device = profile.read_model_config().get("deviceType")
    gpus = () if device == "cpu" or not here else machine.gpus
    runs = runtimes.of(profile, runtime_asked, target, gpus, flags if here else frozenset())
    if runs == runtimes.ONNX:
        gpus = ()
    if asked == AUTO:
        name, reason = hardware.best(target, here, gpus, flags)
        return Choice(name, asked, reason, target, "", runs, runtime_asked)
    if asked not in runtimes.PRECISIONS[runs]:
        raise UsageError(
            f"{runtimes.TITLES[runs]} runs {' and '.join(runtimes.PRECISIONS[runs])} here, not {asked}",
            "PRECISION=int8, or RUNTIME=torch",
        )
    if asked == "int8" and device == "gpu":
        raise UsageError(
            f"int8 models run on processors, and the profile {profile.name} asks for a GPU (deviceType: gpu)",
            "PRECISION=fp16, or a profile for processors: PROFILE=onprem",
        )
    # A profile for GPUs may be built on a machine without one; any other is likely to run where it is built.
    slow = hardware.why_slow(asked, gpus, flags) if here and device != "gpu" else ""
    reason = "asked for with PRECISION" if wanted else f"the profile {profile.name}'s"
    note = f"{slow}: expect no gain over fp32" if slow else ""
    return Choice(asked, asked, reason, target, note, runs, runtime_asked)


def asked_for(profile: Profile, wanted: str) -> str:
    """PRECISION, given as `wanted`, or the profile's `precision:`; one of PRECISIONS or auto.

    Raises UsageError for anything else.
    """
    return profile.asked("precision", wanted, (*PRECISIONS, AUTO), DEFAULT)
