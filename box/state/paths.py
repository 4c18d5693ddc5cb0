"""Where everything is on a box. One root for all of it, so that a test has a box in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.gateway.nginx_conf import COUNTS

UNIT = "vision-serve.service"
MENDING_UNIT = "vision-serve-mend.service"
USER = "vision-serve"  # whom the units run as
GATEWAY_UNIT = "vision-serve-gateway.service"


@dataclass(frozen=True)
class Paths:
    root: Path = Path("/")

    @property
    def is_system(self) -> bool:
        """The machine itself, with its users and its systemd, and not a folder that stands for one."""
        return self.root == Path("/")

    # What survives a power cut.
    @property
    def home(self) -> Path:
        return self.root / "opt/vision-serve"

    @property
    def program(self) -> Path:
        return self.home / "box.pyz"

    @property
    def incoming(self) -> Path:
        return self.home / "incoming"

    @property
    def incoming_blobs(self) -> Path:
        return self.incoming / "blobs"

    @property
    def blobs(self) -> Path:
        return self.home / "blobs"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def runtimes(self) -> Path:
        return self.home / "runtimes"

    @property
    def current(self) -> Path:
        return self.home / "current"

    @property
    def confirmed(self) -> Path:
        return self.home / "confirmed"

    @property
    def way_back(self) -> Path:
        """A link made before a switch, so that going back needs no free block on the disk, only a rename."""
        return self.home / ".way-back"

    @property
    def settings(self) -> Path:
        return self.root / "etc/vision-serve/box.json"

    @property
    def settings_copy(self) -> Path:
        """The last settings that were right: used while box.json itself is damaged."""
        return self.state / "box.json"

    @property
    def allowed_signers(self) -> Path:
        return self.root / "etc/vision-serve/allowed_signers"

    @property
    def unit(self) -> Path:
        return self.root / "etc/systemd/system" / UNIT

    @property
    def mending_unit(self) -> Path:
        return self.root / "etc/systemd/system" / MENDING_UNIT

    @property
    def gateway_unit(self) -> Path:
        return self.root / "etc/systemd/system" / GATEWAY_UNIT

    @property
    def journal_settings(self) -> Path:
        return self.root / "etc/systemd/journald@vision-serve.conf"

    @property
    def state(self) -> Path:
        return self.root / "var/lib/vision-serve"

    @property
    def history(self) -> Path:
        return self.state / "history.jsonl"

    @property
    def deploy_lock(self) -> Path:
        return self.state / "lock.json"

    @property
    def activation(self) -> Path:
        return self.state / "activation.jsonl"

    @property
    def address_before(self) -> Path:
        """While another address is on trial: the one before it."""
        return self.state / "address.before"

    @property
    def gateway_state(self) -> Path:
        """What clients know this box by: it outlives every release."""
        return self.state / "gateway"

    @property
    def gateway_certificate(self) -> Path:
        return self.gateway_state / "certificate.json"

    @property
    def gateway_pair(self) -> Path:
        """Where a container's secret with a certificate is mounted, by the names of Kubernetes's TLS secrets."""
        return self.root / "etc/vision-serve/tls"

    @property
    def gateway_keys(self) -> Path:
        """A file for each key that clients may come with; it belongs to the server's user."""
        return self.gateway_state / "keys"

    @property
    def notify(self) -> Path:
        """Who is told of alerts."""
        return self.state / "notify"

    @property
    def record(self) -> Path:
        """What the server did, by the minute; it belongs to the server's user."""
        return self.state / "record/record.sqlite"

    @property
    def samples(self) -> Path:
        """Pictures that its workers keep for people to label, where the release says so."""
        return self.state / "record/samples"

    # What is gone after a power cut.
    @property
    def instead(self) -> Path:
        """The release to run where the disk does not let `current` be moved."""
        return self.root / "run/vision-serve-instead"

    @property
    def damage(self) -> Path:
        """What reading every file of the runtimes has found, for the next start and the next deployment."""
        return self.root / "run/vision-serve-damage.json"

    @property
    def failed_starts(self) -> Path:
        """How many starts in a row have come to nothing."""
        return self.root / "run/vision-serve-failed-starts"

    @property
    def trial(self) -> Path:
        return self.root / "run/vision-serve-trial"

    @property
    def work_lock(self) -> Path:
        return self.root / "run/vision-serve-work.lock"

    @property
    def decision_lock(self) -> Path:
        return self.root / "run/vision-serve-decision.lock"

    @property
    def plain_pid(self) -> Path:
        """The server's process where there is no systemd."""
        return self.root / "run/vision-serve.pid"

    @property
    def plain_log(self) -> Path:
        return self.root / "run/vision-serve.log"

    @property
    def gateway_run(self) -> Path:
        """What nginx is started from; root's, but for the folders that nginx writes into."""
        return self.root / "run/vision-serve-gateway"

    @property
    def gateway_counts(self) -> Path:
        return self.gateway_run / COUNTS

    @property
    def run(self) -> Path:
        return self.root / "run/vision-serve"

    @property
    def server_state(self) -> Path:
        return self.run / "server.json"

    @property
    def verdict(self) -> Path:
        """Whether the server answers, as the supervisor last saw it; the gateway's health is this."""
        return self.run / "verdict.json"

    @property
    def metrics_socket(self) -> Path:
        """Where the supervisor tells Prometheus's figures, to the gateway and to root."""
        return self.run / "metrics.sock"

    @property
    def inference_header(self) -> Path:
        return self.run / "inference.header"

    @property
    def store(self) -> Path:
        return self.run / "store"

    @property
    def private(self) -> Path:
        return self.run / "private"

    @property
    def socket(self) -> Path:
        return self.private / "management.sock"

    @property
    def keys(self) -> Path:
        """Written by TorchServe into its working directory at each start."""
        return self.private / "key_file.json"

    @property
    def management_header(self) -> Path:
        return self.private / "management.header"

    @property
    def scratch(self) -> Path:
        """A file system of the unit's own, in memory. /run is small on a real system, and nothing in it can be
        executed: Java could not map the library there that it unpacks."""
        return self.root / "run/vision-serve-scratch"

    @property
    def temp(self) -> Path:
        """Where Java unpacks: its library, and the archive."""
        return self.scratch / "tmp"

    @property
    def logs(self) -> Path:
        return self.private / "logs"

    def release(self, name: str) -> Path:
        return self.releases / name

    def runtime(self, runtime_id: str) -> Path:
        return self.runtimes / runtime_id

    def site_packages(self, runtime_id: str, python: str) -> Path:
        return self.runtime(runtime_id) / f"lib/python{python}/site-packages"
