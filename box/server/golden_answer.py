"""Does each model of the running server answer a golden picture rightly, now?"""

from __future__ import annotations

from box.server import endpoints
from box.state.paths import Paths
from box.store import integrity
from common.errors import KitError
from common.manifest import Manifest
from common.server import answers

PREDICTION_SECONDS = 30.0


def wrong(paths: Paths, manifest: Manifest) -> str:
    """Why a golden picture is not answered rightly now; "" when it is."""
    return next(filter(None, (_wrong(paths, model) for model in manifest.models)), "")


def _wrong(paths: Paths, manifest: Manifest) -> str:
    picture = integrity.first_golden(paths, manifest)
    try:
        content = (paths.release(manifest.release) / picture.file).read_bytes()
        answer = endpoints.inference(paths).predict(manifest.model.name, content, PREDICTION_SECONDS)
    except (KitError, OSError) as error:
        return str(error)
    return answers.mismatch(picture.file, picture.expected, manifest.tolerance, answer)
