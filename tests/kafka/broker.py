"""Apache Kafka itself for tests: one broker in KRaft mode, from Maven Central, on loopback."""

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

POM = Path(__file__).with_name("pom.xml")
JARS = Path(__file__).parents[2] / ".tools" / "kafka-4.1.0"
START_SECONDS = 60
_names = itertools.count(1)

_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/logs
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=false
"""


class Broker:
    """A running broker."""

    def __init__(self, port: int) -> None:
        self.servers = f"127.0.0.1:{port}"
        self.admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})

    def topic(self, partitions: int = 1, **settings: str) -> str:
        """The name of a new topic."""
        name = f"orders-{next(_names)}"
        config = {key.replace("_", "."): value for key, value in settings.items()}
        new = NewTopic(name, partitions, 1, config=config)
        self.admin.create_topics([new])[name].result()
        return name

    def answers(self) -> bool:
        try:
            return bool(self.admin.list_topics(timeout=0.5).brokers)
        except KafkaException:
            return False


def _missing(why: str) -> NoReturn:
    if os.environ.get("CI"):
        raise RuntimeError(why)
    pytest.skip(why)


def _jars() -> Path:
    """The folder of Kafka and what it needs, fetched once."""
    if shutil.which("java") is None:
        _missing("java is not installed")
    if JARS.exists():
        return JARS
    if shutil.which("mvn") is None:
        _missing("mvn is not installed, which brings Apache Kafka")
    JARS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=JARS.parent) as part:
        command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
        command.append(f"-DoutputDirectory={part}/jars")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            _missing(f"Maven did not bring Apache Kafka: {done.stdout[-500:]}")
        if not JARS.exists():  # another process may have been faster
            (Path(part) / "jars").rename(JARS)
    return JARS


def _free_ports(count: int) -> list[int]:
    opened = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in opened]
    for one in opened:
        one.close()
    return ports


@contextmanager
def running() -> Iterator[Broker]:
    """A broker in a folder of its own."""
    java = ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]
    java.append(f"{_jars()}/*")
    with tempfile.TemporaryDirectory(prefix="kafka-") as folder:
        port, controller = _free_ports(2)
        properties = Path(folder) / "server.properties"
        text = _PROPERTIES.format(port=port, controller=controller, folder=folder)
        properties.write_text(text)
        storage = ["kafka.tools.StorageTool", "format", "-t", "protolith-of-the-tests"]
        storage += ["-c", str(properties)]
        subprocess.run([*java, *storage], check=True, cwd=folder, capture_output=True)
        command = [*java, "kafka.Kafka", str(properties)]
        log = Path(folder) / "log"
        with (
            log.open("w") as out,
            subprocess.Popen(command, cwd=folder, stdout=out, stderr=out) as process,
        ):
            try:
                broker, until = Broker(port), time.monotonic() + START_SECONDS
                while not broker.answers():
                    if process.poll() is not None or time.monotonic() > until:
                        raise RuntimeError(f"the broker did not start: {log.read_text()[-2000:]}")
                yield broker
            finally:
                process.kill()


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    with running() as found:
        yield found
