"""What a processor can do for each precision. Nothing here looks at the machine: callers hand in what it has.

`flags` are /proc/cpuinfo's (`kit.machine.processor_flags`).
"""

from __future__ import annotations

from common.errors import UsageError

ENGINES = {"linux_x86_64": "x86", "linux_aarch64": "qnnpack"}  # torch's int8 kernels, by platform
# The instructions, the fastest first, that add up int8 products by fours, and that multiply bfloat16.
INT8_FLAGS = ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp")
BF16_FLAGS = ("amx_bf16", "avx512_bf16", "bf16")


def platform(wanted: str, processor: str) -> str:
    """PLATFORM, or "" for the processor's own. Raises UsageError for one that int8 models cannot be made for."""
    named = wanted or f"linux_{processor}"
    if named not in ENGINES:
        raise UsageError(
            f"{f'PLATFORM={wanted}' if wanted else f'the processor {processor}'} is not one the kit knows",
            f"PLATFORM={' or PLATFORM='.join(ENGINES)}",
        )
    return named


def best(target: str, here: bool, gpus: tuple[str, ...], flags: frozenset[str]) -> tuple[str, str]:
    """The precision to take for a platform, and why. `here`: the model will run on the machine that `gpus` and
    `flags` describe."""
    if not here:
        return (
            "int8",
            f"the engine {ENGINES[target]} runs on every {target} processor; which one it is shows only there",
        )
    if gpus:
        return "fp16", f"this machine has a GPU ({gpus[0]})"
    if found := first(INT8_FLAGS, flags):
        return "int8", f"this processor has {found}"
    if target == "linux_aarch64":
        return "int8", "every ARM core multiplies 8-bit numbers faster than 32-bit ones, this one without asimddp too"
    if "avx2" in flags:
        return "int8", "this processor has avx2, which multiplies 8-bit numbers some two times faster than 32-bit ones"
    return "fp32", "this processor has no instructions that make another precision faster"


def why_slow(name: str, gpus: tuple[str, ...], flags: frozenset[str]) -> str:
    """Why a precision is no gain on a machine, "" when it may be one."""
    if name == "fp16" and not gpus:
        return "fp16 needs a GPU: processors compute it through float32"
    if name == "bf16" and not gpus and not first(BF16_FLAGS, flags):
        return f"this processor has no bfloat16 instructions ({', '.join(BF16_FLAGS)}) and computes it through float32"
    return ""


def first(wanted: tuple[str, ...], flags: frozenset[str]) -> str:
    return next((flag for flag in wanted if flag in flags), "")
