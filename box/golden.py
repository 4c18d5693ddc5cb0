"""Is an answer the right one?"""

from __future__ import annotations

from collections.abc import Mapping

# Labels whose expected probabilities are this close are as good as each other.
TIE = 1e-4


def mismatch(name: str, expected: Mapping[str, float], tolerance: float, answer: object) -> str:
    """What is wrong with an answer `{label: probability}`, as a sentence; "" when it is right."""
    if not isinstance(answer, dict) or not all(isinstance(value, float | int) for value in answer.values()):
        return f"{name}: expected {{label: probability}}, got {str(answer)[:200]}"
    if not answer:
        return f"{name}: expected {{label: probability}}, got an empty answer"
    best = max(expected, key=lambda label: expected[label])
    label = max(answer, key=lambda label: float(answer[label]))
    probability = float(answer[label])
    if expected[best] - expected.get(label, -1.0) > TIE:
        return f"{name}: expected {best} first, got {label} ({probability:.3f})"
    if not abs(probability - expected[best]) <= tolerance:
        return f"{name}: expected {best} {expected[best]:.3f} ± {tolerance}, got {probability:.3f}"
    return ""
