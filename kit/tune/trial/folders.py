"""Where a tuning keeps its files: `build/tuned/`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kit.build import Build
from kit.profiles import Profile
from kit.serving.launch import RunFolder


@dataclass(frozen=True)
class Folders:
    """`root` is build/tuned. Beside the results lies `work/`, which may be deleted and holds what makes a second
    run quick: the journal, and an export for each precision."""

    root: Path

    @property
    def journal(self) -> Path:
        return self.root / "work" / "journal.jsonl"

    @property
    def exports(self) -> Path:
        """A build folder (BUILD=…) with one profile for each precision."""
        return self.root / "work" / "exports"

    @property
    def profiles(self) -> Path:
        """The profiles those exports were made for."""
        return self.root / "work" / "profiles"

    @property
    def pictures(self) -> Path:
        return self.root / "work" / "pictures"

    @property
    def candidate(self) -> Path:
        """The profile that is being measured, with its build and its server's files."""
        return self.root / "work" / "candidate"

    def result(self, name: str) -> Path:
        """The tuned profile and its report."""
        return self.root / name


class CandidateProfile(Profile):
    """A profile whose build lies in its own folder and not among the user's."""

    @property
    def server_build(self) -> Build:
        return Build(self.folder / "build")

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.build.run)
