"""Two instances at a fixed rate for an hour, the leader replaced every five minutes: memory flat, no lag, nothing lost or doubled."""
import re
import subprocess
import threading
import time

from confluent_kafka import TopicPartition

from setting import Failure, quantile, until
from world import World

# Short windows: what is retained is the same after two minutes as after an hour, and so is memory.
WINDOWS = {"VELOCITY_ANALYSIS_WINDOWS": "10s,30s,60s", "ALLOWED_LATENESS": "30s", "PAIR_RETENTION": "90s", "ACCOUNT_RETENTION": "5m", "FEEDBACK_DELAY": "30s"}


def soak(setting, brokers, report):
    rate = 5_000
    seconds = 60 * (setting.minutes or 60)
    every = min(300, seconds / 5)
    world = World(setting, brokers.plain(), "soak", 4, **WINDOWS)
    begun = time.monotonic()
    samples = Samples(world)
    pipe = None
    try:
        for i in range(2):
            # As a deployment would: a new process begins from a snapshot, and not from a log that is an hour longer at the end.
            world.instance(f"w{i}", STATE_DIR=world.folder / f"state-{i}", SNAPSHOT_INTERVAL="2m").wait_ready()
        pipe = Pipe(world, rate, int(rate * seconds))
        samples.start()
        changes, lags = 0, []
        next_change = time.monotonic() + every
        while pipe.is_busy:
            time.sleep(1)
            world.check()
            if time.monotonic() >= next_change:
                next_change += every
                leader = world.leader()
                lags.append(leader.health()["kafka"]["lag"])
                leader.end()
                world.leader()
                leader.start()
                leader.wait_ready(300)
                changes += 1
        pipe.finish()
        world.caught_up(120)
        samples.stop()
        for instance in world.running:
            instance.check_digests()
            instance.end()
        world.check()
        facts = count(world)
        first, last = samples.flatness()
        if changes < 3:
            raise Failure(f"the leader changed only {changes} times")
        if abs(last - first) > 0.05 * first:
            raise Failure(f"memory went from {first / 1e6:.1f} to {last / 1e6:.1f} MB")
        if max(lags) > rate:
            raise Failure(f"the leader was {max(lags)} records behind")
        report("soak", time.monotonic() - begun, changes=changes, again=world.again, rss=f"{first / 1e6:.1f} then {last / 1e6:.1f} MB", lag_before_a_change=max(lags), **facts)
    finally:
        samples.stop()
        if pipe:
            pipe.stop()
        world.stop()


class Pipe:
    """`weir simulate | weir produce`, by the hour."""

    def __init__(self, world, rate, count):
        environment = {**world.environment, "KAFKA_BOOTSTRAP_SERVERS": world.broker.servers}
        self.source = subprocess.Popen(
            [world.setting.weir, "simulate", "--customers", "2000", "--rate", str(rate), "--steady", "--count", str(count), "--start", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.sink = subprocess.Popen(
            [world.setting.weir, "produce", "--rate", str(rate), "-"], env=environment, stdin=self.source.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.source.stdout.close()

    @property
    def is_busy(self):
        return self.sink.poll() is None

    def finish(self):
        if self.sink.wait(60) != 0:
            raise Failure(f"the producer ended with {self.sink.returncode}")
        self.source.wait(60)

    def stop(self):
        for process in (self.sink, self.source):
            if process.poll() is None:
                process.kill()
            process.wait()


class Samples:
    """Resident memory of each process, every five seconds, from when its windows are full."""

    def __init__(self, world):
        self.world, self.values, self.is_stopped = world, [], False
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.thread.start()

    def _run(self):
        seen = {}
        while not self.is_stopped:
            for instance in self.world.running:
                if instance.metric("weir_ready") != 1:
                    continue
                since = seen.setdefault((instance.name, instance.starts), time.monotonic())
                if time.monotonic() - since > 120:
                    self.values.append(instance.metric("process_resident_memory_bytes"))
            time.sleep(5)

    def stop(self):
        self.is_stopped = True
        if self.thread.is_alive():
            self.thread.join(20)

    def flatness(self):
        """Medians of the first and of the last third."""
        third = len(self.values) // 3
        if third < 5:
            raise Failure(f"{len(self.values)} samples of memory are too few: let it go on for longer")
        return quantile(self.values[:third], 0.5), quantile(self.values[-third:], 0.5)


def count(world):
    """Counts what was answered while reading it once: offsets only ever rise, so that none is there twice."""
    told = re.compile(rb'"source":\{"topic":"[^"]*","partition":(\d+),"offset":(\d+)\}')
    consumed = sum(1 for _ in stream(world, "transactions"))
    counts = {}
    for kind in ("fraud", "aml"):
        last, number = {}, 0
        for message in stream(world, kind):
            partition, offset = map(int, told.search(message.value()).groups())
            if offset <= last.get(partition, -1):
                raise Failure(f"{kind}: the verdict of {partition}@{offset} comes after that of {last[partition]}")
            last[partition] = offset
            number += 1
        counts[kind] = number
    letters = sum(1 for _ in stream(world, "letters"))
    if counts["fraud"] != counts["aml"] or counts["fraud"] + letters != consumed:
        raise Failure(f"{consumed} records, {counts} verdicts, {letters} dead letters")
    return {"records": consumed, "scored": counts["fraud"], "dead_lettered": letters}


def stream(world, kind):
    """All committed records of a topic, without holding them."""
    topic = world.topics[kind]
    partitions = world.broker.partitions(topic)
    consumer = world.broker.consumer()
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    left = set(range(partitions))
    try:
        while left:
            for message in consumer.consume(10_000, 0.2):
                if message.error() is None:
                    yield message
                elif message.error().name() == "_PARTITION_EOF":
                    left.discard(message.partition())
    finally:
        consumer.close()
