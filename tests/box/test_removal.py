"""All of it goes again, and nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.box.shop import Box, make_release, wait_for


def left(box: Box) -> list[str]:
    """Files of the box's root, relative to it."""
    return sorted(str(path.relative_to(box.root)) for path in box.root.rglob("*") if not path.is_dir())


def test_a_box_that_serves_is_as_it_was_before_it_was_provisioned(box: Box, tmp_path: Path) -> None:
    other = box.root / "etc/hostname"
    other.write_text("shelf-01\n")
    box.deploy(make_release("1.0", tmp_path))
    removed = box.ask("uninstall")["changed"]
    assert any(str(box.paths.home) in sentence and "releases" in sentence for sentence in removed)
    assert left(box) == ["etc/hostname"]
    assert other.read_text() == "shelf-01\n"
    wait_for(lambda: not box._processes())
    assert box.ask("uninstall")["changed"] == []


def test_not_while_somebody_else_deploys_or_a_release_is_on_trial(box: Box, tmp_path: Path) -> None:
    first = make_release("1.0", tmp_path)
    box.ask("lock", "--owner", "ann")
    assert "ann holds" in box.refused("uninstall", "--owner", "bob")["error"]
    box.ask("unlock", "--owner", "ann")
    box.take(first)
    box.ask("activate", first.name)
    assert "is on trial" in box.refused("uninstall")["error"]
    box.ask("confirm", first.name)
    assert box.answers_with() == "1.0", "a refusal has taken nothing away"
