"""RUNTIME: what runs a model where it is served, torch or ONNX Runtime. Nothing here imports either."""

from __future__ import annotations

from common.errors import UsageError
from kit.profiles import Profile

TORCH, ONNX = "torch", "onnx"
AUTO = "auto"
NAMES = (TORCH, ONNX)
TITLES = {TORCH: "torch", ONNX: "ONNX Runtime"}
PRECISIONS = {TORCH: ("fp32", "bf16", "fp16", "int8"), ONNX: ("fp32", "int8")}
FILES = {TORCH: "model.pt", ONNX: "model.onnx"}


def of(profile: Profile, asked: str, platform: str, gpus: tuple[str, ...], flags: frozenset[str]) -> str:
    """What `asked_for` comes to on a platform; `gpus` and `flags` (/proc/cpuinfo's) are of the processor that the model
    will run on, none where that is not known. Raises UsageError for ONNX Runtime in a profile that asks for a GPU.

    Measured (docs/runtimes.md): on ARM, and on x86-64 with VNNI, ONNX Runtime's int8 answers as soon as torch's, in a
    sixth of the memory. With AMX torch's takes half the time. Without VNNI nobody has measured it.
    """
    gpu = profile.read_model_config().get("deviceType") == "gpu"
    if asked == AUTO:
        by_vnni = any("vnni" in flag for flag in flags) and "amx_int8" not in flags
        return ONNX if not (gpu or gpus) and (platform == "linux_aarch64" or by_vnni) else TORCH
    if asked == ONNX and gpu:
        raise UsageError(
            f"RUNTIME=onnx runs on processors here, and the profile {profile.name} asks for a GPU (deviceType: gpu)",
            "RUNTIME=torch, or a profile for processors: PROFILE=onprem",
        )
    return asked


def asked_for(profile: Profile, wanted: str) -> str:
    """RUNTIME, given as `wanted`, or the profile's `runtime:`; torch, onnx or auto. Raises UsageError for anything
    else."""
    return profile.asked("runtime", wanted, (*NAMES, AUTO), TORCH)
