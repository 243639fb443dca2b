"""Apache Kafka as one KRaft node on loopback, sized for a small machine."""

import hashlib
import os
import secrets
import shutil
import subprocess
import uuid
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.embedded import maven
from infra.embedded.artifacts import ensure, pinned
from infra.embedded.java import java
from infra.embedded.ports import LOOPBACK, free_port
from infra.embedded.process import ServerProcess
from schemas.problem import Problem

HEAP_MB = 512
READY_S = 60.0
FORMAT_S = 60.0
MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")
SCRAM_ITERATIONS = 4096

LOGGING = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c)%n
rootLogger.level=WARN
rootLogger.appenderRef.out.ref=out
"""

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": "16777216",  # 128 MB of heap by default
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kafka:
    """A running broker; `sasl_bootstrap` is its SCRAM listener where users were given."""

    process: ServerProcess
    bootstrap: str
    sasl_bootstrap: str | None

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.alive

    def wait_ready(self) -> None:
        """Return once the broker answers; a Problem with the end of its log if it does not."""
        port = int(self.bootstrap.rpartition(":")[2])
        self.process.wait_ready(lambda: self.process.listens(port) and answers(self.bootstrap), within_s=READY_S)

    def stop(self) -> None:
        """End the broker."""
        self.process.stop()


def start_kafka(data_dir: Path, port: int, *, scram: Mapping[str, str] | None = None) -> Kafka:
    """Start a broker on `port` with its data in `data_dir` and return it when it answers.

    `scram` names users and passwords for a second listener (SASL_PLAINTEXT, SCRAM-SHA-256 and -512); they are created
    together with the data directory and stay as they were then.

    Raises:
        Problem: it did not come up; the end of its log is in the message.
    """
    jars = ensure(pinned("kafka"), maven.fetch, note=lambda _: None)
    kafka = launch_kafka(jars, data_dir, port, scram=scram)
    kafka.wait_ready()
    return kafka


def launch_kafka(jars: list[Path], data_dir: Path, port: int, *, scram: Mapping[str, str] | None = None) -> Kafka:
    """As `start_kafka`, from the verified `jars` and without waiting."""
    data_dir.mkdir(parents=True, exist_ok=True)
    sasl_port = free_port() if scram else None
    settings = data_dir / "server.properties"
    settings.write_text(properties(data_dir / "log", port, sasl_port))
    logging = data_dir / "log4j2.properties"
    logging.write_text(LOGGING)
    run = java(
        *("-cp", os.pathsep.join(map(str, jars)), f"-Dlog4j2.configurationFile={logging}"),
        heap_mb=HEAP_MB,
        temporary=data_dir / "tmp",
    )
    formatted = data_dir / "formatted"
    if not formatted.exists():
        shutil.rmtree(data_dir / "log", ignore_errors=True)  # of a formatting that did not come to its end
        format_storage(run, settings, scram or {})
        formatted.touch()
    return Kafka(
        process=ServerProcess("Kafka", [*run, "kafka.Kafka", settings], log_path=data_dir / "kafka.log"),
        bootstrap=f"{LOOPBACK}:{port}",
        sasl_bootstrap=f"{LOOPBACK}:{sasl_port}" if sasl_port else None,
    )


def properties(log_dir: Path, port: int, sasl_port: int | None) -> str:
    """The text of server.properties; without `sasl_port` there is no SASL listener."""
    controller = f"{LOOPBACK}:{free_port()}"
    listeners = f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{controller}"
    settings = dict(SETTINGS)
    if sasl_port:
        listeners += f",SASL://{LOOPBACK}:{sasl_port}"
        settings["listener.name.sasl.sasl.enabled.mechanisms"] = ",".join(MECHANISMS)
        for mechanism in MECHANISMS:
            login = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            settings[f"listener.name.sasl.{mechanism.lower()}.sasl.jaas.config"] = login
    settings |= {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "controller.quorum.bootstrap.servers": controller,
        "log.dirs": str(log_dir),
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def format_storage(run: list[str], settings: Path, scram: Mapping[str, str]) -> None:
    """Make the data directory of a one-node cluster, with the users in it. Raises `Problem` where that fails."""
    cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # Joined by "=", as an id may begin with "-".
    command = [
        *run,
        "kafka.tools.StorageTool",
        "format",
        "--standalone",
        f"--cluster-id={cluster}",
        "-c",
        str(settings),
    ]
    for user, password in scram.items():
        for mechanism in MECHANISMS:
            command += ["-S", f"{mechanism}=[{credential(mechanism, user, password)}]"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_S, check=False)
    except subprocess.TimeoutExpired as slow:
        raise Problem(f"Kafka did not make its data directory within {FORMAT_S:g} s: is the machine busy?") from slow
    if done.returncode != 0:
        raise Problem(f"Kafka could not make its data directory {settings.parent}: {done.stdout}{done.stderr}".strip())


def credential(mechanism: str, user: str, password: str) -> str:
    """A user as StorageTool takes it, the password salted already: so it may hold any character, and no list of
    processes shows it (RFC 5802: the salted password is PBKDF2 with HMAC)."""
    salt = secrets.token_bytes(16)
    digest = mechanism.removeprefix("SCRAM-").replace("-", "").lower()
    salted = hashlib.pbkdf2_hmac(digest, password.encode(), salt, SCRAM_ITERATIONS)
    told = f"salt={b64encode(salt).decode()},saltedpassword={b64encode(salted).decode()}"
    return f'name="{user}",iterations={SCRAM_ITERATIONS},{told}'


def answers(bootstrap: str) -> bool:
    """Whether the broker tells about itself."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    try:
        return bool(admin.list_topics(timeout=2.0).brokers)
    except KafkaException:
        return False
