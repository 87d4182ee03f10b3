"""Three instances replaced by three others, one by one, while records and calls keep coming."""
import json
import threading
import time
from bisect import bisect_right

from callers import Callers
from feed import simulated
from setting import Failure, quantile
from world import World

PROBE = "PROBE"


def rolling(setting, brokers, report):
    rate, count, calls = setting.pick((1_000, 60_000, 100), (5_000, 400_000, 200))
    world = World(setting, brokers.plain(), "rolling", 4, DRAIN_DELAY="3s")
    begun = time.monotonic()
    readers = None
    try:
        old = [world.instance(f"old{i}") for i in range(3)]
        for instance in old:
            instance.wait_ready()
        world.leader()
        readers = Latency(world)
        feed = world.feed(with_probes(simulated(setting, count, setting.seed, rate=rate), rate), rate)
        world.must_be_busy()
        time.sleep(1)
        callers = Callers(lambda: [i for i in world.instances if i.is_running], calls, PROBE).start()
        time.sleep(setting.pick(1, 5))
        # The leader goes first, so that the lead moves as often as it can: then again by whoever took it.
        waits = []
        for i in range(3):
            started = time.monotonic()
            world.instance(f"new{i}").wait_ready()
            waits.append(time.monotonic() - started)
            time.sleep(setting.pick(0.6, 3))
            if not feed.is_busy:
                raise Failure("no records arrive any more: the replacement met an idle group")
            leader = world.leader()
            victim = leader if leader in old else next(instance for instance in old if instance.is_running)
            victim.end()
            time.sleep(setting.pick(0.6, 3))
        time.sleep(1)
        callers.stop()
        feed.cut()
        facts = world.finish(fresh=False)
        latencies = readers.stop()
        judge_calls(world, callers)
        p99 = quantile(latencies, 0.99)
        if p99 > 1.5:
            raise Failure(f"from record to readable verdict p99 is {p99:.2f} s")
        took = [call[2] for call in callers.calls]
        report(
            "rolling", time.monotonic() - begun, ready_after=f"{max(waits):.2f} s", verdicts=f"p50 {quantile(latencies, 0.5) * 1000:.0f} ms p99 {p99 * 1000:.0f} ms max {max(latencies):.2f} s",
            calls=len(took), predict=f"p50 {quantile(took, 0.5) * 1000:.1f} ms p99 {quantile(took, 0.99) * 1000:.1f} ms", behind=f"{world.behind:.2f} s", **facts)
    finally:
        if readers:
            readers.stop()
        world.stop()


def with_probes(lines, rate):
    """A record of the probe's account every tenth of a second."""
    step = rate // 10
    mixed = []
    for i, line in enumerate(lines):
        if i % step == 0:
            now = "%d" % (time.time() * 1000)
            mixed.append(json.dumps({"transaction_id": f"p{i}", "account_id": PROBE, "timestamp": int(now), "amount": 1}).encode() + b"\n")
        mixed.append(line)
    return mixed


def judge_calls(world, callers):
    """No call failed, and each answer counted all records of the probe's account that were a second old."""
    failed = callers.failed()
    if failed:
        raise Failure(f"{len(failed)} of {len(callers.calls)} calls failed: {[(call[3], call[4]) for call in failed[:5]]}")
    written = sorted(message.timestamp()[1] / 1000 for message in world.answers.input if message.key() == PROBE.encode())
    world.behind, worst = 0.0, ""
    for _, wall, _, name, _, count in callers.calls:
        held = count - 1  # the one asked about counts too
        if held < bisect_right(written, wall):
            # Behind by the age of the oldest record that is not counted.
            behind = wall - written[held]
            if behind > world.behind:
                world.behind, worst = behind, f"{name} at {time.strftime('%H:%M:%S', time.gmtime(wall))}"
    if world.behind > 1.0:
        raise Failure(f"an answer's windows were {world.behind:.2f} s behind: {worst}")


class Latency:
    """Reads verdicts as they are committed: from the record's time to the moment at which its verdict can be read, seconds."""

    def __init__(self, world):
        self.world, self.latencies, self.is_stopped = world, [], False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        from confluent_kafka import TopicPartition
        consumer = self.world.broker.consumer(**{"fetch.wait.max.ms": 20, "enable.partition.eof": False})
        topic = self.world.topics["fraud"]
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(self.world.partitions)])
        while not self.is_stopped:
            messages = consumer.consume(2_000, 0.01)
            now = time.time()
            self.latencies += [now - message.timestamp()[1] / 1000 for message in messages if message.error() is None]
        consumer.close()

    def stop(self):
        self.is_stopped = True
        self.thread.join(10)
        return self.latencies
