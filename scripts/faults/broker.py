"""A genuine Apache Kafka of one node by scripts/kafka.sh, with a way to it for each instance that a proxy can stand in."""
import os
import subprocess
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from setting import Failure, root

WAYS = 3


class Broker:
    """Clients come back by the listener that they came in by: the harness straight, instances by WAY1 to WAY3, whose advertised ports are the proxy's."""

    def __init__(self, setting, ports, settings=(), heap="512m"):
        self.port, self.folder, self.heap = ports, setting.folder / f"kafka-{ports}", heap
        self.servers = f"127.0.0.1:{ports}"
        listen = [f"PLAINTEXT://127.0.0.1:{ports}", f"CONTROLLER://127.0.0.1:{ports + 1}"]
        tell = [f"PLAINTEXT://127.0.0.1:{ports}"]
        names = ["PLAINTEXT:PLAINTEXT", "CONTROLLER:PLAINTEXT"]
        for way in range(WAYS):
            listen.append(f"WAY{way}://127.0.0.1:{self.behind(way)}")
            tell.append(f"WAY{way}://127.0.0.1:{self.before(way)}")
            names.append(f"WAY{way}:PLAINTEXT")
        self.settings = [
            "listeners=" + ",".join(listen), "advertised.listeners=" + ",".join(tell), "listener.security.protocol.map=" + ",".join(names),
            "inter.broker.listener.name=PLAINTEXT", "auto.create.topics.enable=false",
            # Rights are looked at, and given to all where nothing is said.
            "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "allow.everyone.if.no.acl.found=true", *settings]
        self.is_up = False
        self._admin = None

    def behind(self, way):
        """The port of a way at the broker."""
        return self.port + 2 + way

    def before(self, way):
        """The port of a way where clients go: a proxy's."""
        return self.port + 2 + WAYS + way

    def way(self, way):
        return f"127.0.0.1:{self.before(way)}"

    def _script(self, *arguments):
        done = subprocess.run([root / "scripts/kafka.sh", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Failure(f"scripts/kafka.sh {arguments[0]} ended with {done.returncode}: {done.stdout[-2000:]}")

    def start(self):
        arguments = ["start", "--port", str(self.port), "--data", str(self.folder), "--heap", self.heap, "--parent", str(os.getpid())]
        for setting in self.settings:
            arguments += ["--set", setting]
        self._script(*arguments)
        self.is_up = True

    def kill(self):
        """SIGKILL, as a crash."""
        self.is_up = False
        self._script("kill", "--data", str(self.folder))

    @property
    def admin(self):
        if self._admin is None:
            self._admin = AdminClient({"bootstrap.servers": self.servers, "log_level": 0})
        return self._admin

    def settle(self, futures, timeout=30):
        """Waits for what the admin client began; the first failure is raised."""
        values = []
        for future in futures.values() if isinstance(futures, dict) else futures:
            values.append(future.result(timeout))
        return values

    def create(self, name, partitions, **configuration):
        """Makes a topic, and waits until it is known."""
        configuration = {key.replace("_", "."): str(value) for key, value in configuration.items()}
        self.settle(self.admin.create_topics([NewTopic(name, partitions, 1, config=configuration)]))
        end = time.monotonic() + 20
        while time.monotonic() < end:
            topic = self.admin.list_topics(timeout=10).topics.get(name)
            if topic is not None and topic.error is None and len(topic.partitions) == partitions:
                return
            time.sleep(0.05)
        raise Failure(f"topic {name} was made and is not known")

    def partitions(self, topic):
        found = self.admin.list_topics(timeout=20).topics.get(topic)
        return len(found.partitions) if found is not None and found.error is None else 0

    def consumer(self, group="harness", **properties):
        return Consumer({
            "bootstrap.servers": self.servers, "group.id": group, "enable.auto.commit": False, "enable.partition.eof": True,
            "auto.offset.reset": "earliest", "isolation.level": "read_committed", "log_level": 0, "check.crcs": True, **properties})

    def producer(self, **properties):
        return Producer({"bootstrap.servers": self.servers, "log_level": 0, **properties})

    def read(self, topic, isolation="read_committed", timeout=120):
        """All that a topic holds for such a reader, as messages, partition after partition."""
        count = self.partitions(topic)
        if count == 0:
            return []
        consumer = self.consumer(**{"isolation.level": isolation})
        messages, open_partitions = [], set(range(count))
        end = time.monotonic() + timeout
        try:
            consumer.assign([TopicPartition(topic, partition, 0) for partition in range(count)])
            while open_partitions:
                if time.monotonic() > end:
                    raise Failure(f"{topic} was not read to its end within {timeout} s")
                for message in consumer.consume(10_000, 0.2):
                    error = message.error()
                    if error is None:
                        messages.append(message)
                    elif error.name() == "_PARTITION_EOF":
                        open_partitions.discard(message.partition())
                    elif not error.retriable():
                        raise KafkaException(error)
        finally:
            consumer.close()
        messages.sort(key=lambda message: (message.partition(), message.offset()))
        return messages
