import pytest

from common.errors import UsageError
from kit.machine import processor_flags
from kit.model.precision import hardware

# Of real machines; only the first lines.
ZEN5 = "processor\t: 0\nvendor_id\t: AuthenticAMD\nflags\t\t: fpu avx2 avx_vnni avx512_bf16 avx512_vnni\nbugs\t: x\n"
SAPPHIRE_RAPIDS = "flags\t\t: fpu avx2 avx512f avx512_vnni amx_bf16 avx512_bf16 amx_tile amx_int8\n"
HASWELL = "flags\t\t: fpu sse4_2 avx avx2 fma\n"
CORE2 = "flags\t\t: fpu sse sse2 ssse3\n"
RASPBERRY_PI_4 = "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\nCPU part\t: 0xd08\n"
RASPBERRY_PI_5 = (
    "processor\t: 0\nFeatures\t: fp asimd evtstrm aes crc32 atomics fphp asimdhp asimdrdm lrcpc dcpop asimddp\n"
)
GRAVITON3 = "Features\t: fp asimd asimddp sve i8mm bf16\n"


@pytest.mark.parametrize(
    ("cpuinfo", "target", "precision", "words"),
    [
        (ZEN5, "linux_x86_64", "int8", "avx512_vnni"),
        (SAPPHIRE_RAPIDS, "linux_x86_64", "int8", "amx_int8"),
        (HASWELL, "linux_x86_64", "int8", "avx2"),
        (CORE2, "linux_x86_64", "fp32", "no instructions"),
        (RASPBERRY_PI_4, "linux_aarch64", "int8", "without asimddp"),
        (RASPBERRY_PI_5, "linux_aarch64", "int8", "has asimddp"),
        (GRAVITON3, "linux_aarch64", "int8", "i8mm"),
    ],
)
def test_auto_looks_at_the_processor_and_says_why(cpuinfo: str, target: str, precision: str, words: str) -> None:
    found, reason = hardware.best(target, True, (), processor_flags(cpuinfo))
    assert found == precision
    assert words in reason


def test_auto_takes_half_precision_on_a_gpu() -> None:
    assert hardware.best("linux_x86_64", True, ("NVIDIA L4",), processor_flags(ZEN5)) == (
        "fp16",
        "this machine has a GPU (NVIDIA L4)",
    )


def test_auto_for_another_machine_does_not_look_at_this_one() -> None:
    found, reason = hardware.best("linux_aarch64", False, ("NVIDIA L4",), processor_flags(CORE2))
    assert found == "int8"
    assert "every linux_aarch64 processor" in reason


@pytest.mark.parametrize(
    ("name", "gpus", "cpuinfo", "slow"),
    [
        ("bf16", (), ZEN5, False),
        ("bf16", (), GRAVITON3, False),
        ("bf16", (), HASWELL, True),
        ("bf16", (), RASPBERRY_PI_5, True),
        ("bf16", ("NVIDIA L4",), HASWELL, False),
        ("fp16", (), SAPPHIRE_RAPIDS, True),
        ("fp16", ("NVIDIA L4",), HASWELL, False),
        ("int8", (), CORE2, False),
        ("fp32", (), CORE2, False),
    ],
)
def test_what_a_machine_computes_the_long_way_is_said(
    name: str, gpus: tuple[str, ...], cpuinfo: str, slow: bool
) -> None:
    assert bool(hardware.why_slow(name, gpus, processor_flags(cpuinfo))) is slow


def test_the_platform_is_the_processors_own_unless_named() -> None:
    assert hardware.platform("", "x86_64") == "linux_x86_64"
    assert hardware.platform("linux_aarch64", "x86_64") == "linux_aarch64"
    for wanted, processor in (("linux_riscv64", "x86_64"), ("", "riscv64")):
        with pytest.raises(UsageError, match="riscv64") as raised:
            hardware.platform(wanted, processor)
        assert raised.value.hint == "PLATFORM=linux_x86_64 or PLATFORM=linux_aarch64"
