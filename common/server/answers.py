"""Is an answer the right one? The one definition of it: for whoever proves a server, on a box or on the workstation."""

from __future__ import annotations

from collections.abc import Mapping

# Labels whose expected probabilities are this close are as good as each other: an untrained network has many such.
TIE = 1e-3


def is_labelled(answer: object) -> bool:
    """Whether it is `{label: probability}` at all."""
    return isinstance(answer, dict) and bool(answer) and all(isinstance(one, float | int) for one in answer.values())


def mismatch(name: str, expected: Mapping[str, float], tolerance: float, answer: object) -> str:
    """What is wrong with an answer `{label: probability}`, best first, as a sentence; "" when it is right."""
    if not isinstance(answer, dict) or not is_labelled(answer):
        return f"{name}: expected {{label: probability}}, got {str(answer)[:200]}"
    best = max(expected, key=lambda label: expected[label])
    label, probability = next(iter(answer.items()))
    # Of many labels the best few are kept, and another is at most as likely as the last of them.
    last = min(expected.values()) if len(expected) > 1 else -1.0
    if expected[best] - expected.get(label, last) > TIE:
        return f"{name}: expected {best} first, got {label} ({probability:.3f})"
    if not abs(probability - expected[best]) <= tolerance:  # so that NaN is wrong
        return f"{name}: expected {best} {expected[best]:.3f} ± {tolerance}, got {probability:.3f}"
    return ""
