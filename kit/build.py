"""Where each step of a profile's build finds and leaves its files: `build/<profile>/…`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


def default_build_root() -> Path:
    """`build/` in the project, or the folder that BUILD names (tests have one each)."""
    return Path(os.environ.get("BUILD") or PROJECT / "build").resolve()


@dataclass(frozen=True)
class Build:
    """One profile's folder. Steps read the files of the step before and write their own, nothing else."""

    folder: Path

    def model(self, name: str) -> Path:
        """model.pt or model.onnx, as export.json says: uint8 RGB [N, 3, crop, crop] in, probabilities float32
        [N, classes] out."""
        return self.folder / name

    @property
    def labels(self) -> Path:
        return self.folder / "index_to_name.json"

    @property
    def preprocessing(self) -> Path:
        return self.folder / "preprocessing.json"

    @property
    def baseline(self) -> Path:
        """What the drift tests compare traffic with; not there for a model that was checked on too few pictures."""
        return self.folder / "baseline.json"

    @property
    def export_report(self) -> Path:
        return self.folder / "export.json"

    @property
    def golden(self) -> Path:
        """Pictures with their expected answers: `golden.json` and the files it names."""
        return self.folder / "golden"

    @property
    def archive_report(self) -> Path:
        """Says which .mar was written last, and what is in it."""
        return self.folder / "archive.json"

    @property
    def run(self) -> Path:
        """What belongs to a running server: its configuration, tokens and logs."""
        return self.folder / "run"

    @property
    def record(self) -> Path:
        """What its servers did, by the minute; `make report` shows it."""
        return self.folder / "record.sqlite"

    @property
    def samples(self) -> Path:
        """Pictures that its servers keep where the profile says so; `make collect` brings them to people."""
        return self.folder / "samples"

    @property
    def bundles(self) -> Path:
        """One file for each release, platform and Python."""
        return self.folder / "bundle"

    @property
    def images(self) -> Path:
        """Container images as OCI layouts, and what the last was built from."""
        return self.folder / "image"

    def archive(self, model_name: str) -> Path:
        return self.folder / f"{model_name}.mar"
