"""One group on one broker: its topics, instances and records, and how it ends."""
import itertools
import shutil
import threading
import time

from confluent_kafka import KafkaException, TopicPartition

import judge
from feed import Feed, ProduceSink
from instance import START_AGAIN, Instance
from setting import Failure, until

SETTINGS = ("KAFKA_", "AML_", "VELOCITY_", "MODEL_", "WEIR_", "FRAUD_", "COMMIT_", "LEADER_", "START_", "RESTORE_", "DRAIN_", "STATE_", "SNAPSHOT_", "JOURNAL_", "TRANSACTIONS_", "FEEDBACK_", "DLQ_")


class World:
    _http = itertools.count()
    alive = []

    def __init__(self, setting, broker, name, partitions=4, topic_settings=None, **environment):
        self.setting, self.broker, self.name, self.partitions = setting, broker, name, partitions
        self.folder = setting.folder / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.topics = {
            "transactions": f"{name}-in", "fraud": f"{name}-fraud", "aml": f"{name}-aml", "letters": f"{name}-dlq", "feedback": f"{name}-feedback",
            "journal": f"{name}-journal"}
        self.environment = judge.environment_without(SETTINGS)
        self.environment.update({
            "KAFKA_GROUP_ID": name, "TRANSACTIONS_TOPIC": self.topics["transactions"], "FRAUD_VERDICTS_TOPIC": self.topics["fraud"],
            "AML_VERDICTS_TOPIC": self.topics["aml"], "DLQ_TOPIC": self.topics["letters"], "FEEDBACK_TOPIC": self.topics["feedback"],
            "HOST": "127.0.0.1", "DRAIN_DELAY": "0", "SWIFT_BACKTRACE": "enable=no"})
        self.environment.update({key: str(value) for key, value in environment.items()})
        self.instances, self.feeds, self.problems, self.again = [], [], [], 0
        self.allowed_events = {"start again"}
        self.lock = threading.Lock()
        self.is_over = False
        self.pulse, self.known = None, 0
        World.alive.append(self)
        if partitions:
            broker.create(self.topics["transactions"], partitions, message_timestamp_type="LogAppendTime", **(topic_settings or {}))

    # -- Instances

    def instance(self, name, way=None, **environment):
        """A new instance that is started; by a way that a proxy may stand in, or straight."""
        port = self.setting.ports + 30 + next(World._http) % 60
        settings = dict(self.environment)
        settings.update({"INSTANCE_ID": name, "PORT": str(port), "KAFKA_BOOTSTRAP_SERVERS": self.broker.servers if way is None else self.broker.way(way)})
        settings.update({key: str(value) for key, value in environment.items()})
        instance = Instance(self, name, port, settings)
        instance.way = way
        self.instances.append(instance)
        return instance.start()

    def heard(self, instance, line):
        """A line of an instance's log: nothing at level error but what a case foresees, and what librdkafka says of itself."""
        event = line.get("event", "")
        if line.get("level") == "error" and event not in self.allowed_events and not event.startswith("librdkafka"):
            self.problem(f"{instance.name} says {line}")

    def ended(self, instance, code, intended):
        if self.is_over or intended is not None:
            return
        if code == START_AGAIN:
            self.again += 1
            if instance.restarts:
                instance.start()
            return
        self.problem(f"{instance.name} ended with {code}")

    def problem(self, text):
        with self.lock:
            self.problems.append(text)

    def check(self):
        with self.lock:
            if self.problems:
                raise Failure("; ".join(self.problems[:5]))

    @property
    def running(self):
        return [instance for instance in self.instances if instance.is_running]

    def leader(self, timeout=30):
        """The one that says it leads."""
        def find():
            self.check()
            return next((instance for instance in self.running if instance.role() == "leader"), None)
        return until(find, timeout, lambda: f"somebody leads: {[(i.name, i.role(), i.exits) for i in self.instances]}")

    # -- Records

    def feed(self, lines, rate, sink=ProduceSink):
        feed = Feed(self, lines, rate, sink)
        self.feeds.append(feed)
        return feed.start()

    def high(self, topic):
        """The sum of a topic's ends."""
        if self.pulse is None:
            self.pulse = self.broker.consumer()
        return sum(self.pulse.get_watermark_offsets(TopicPartition(topic, partition), 5)[1] for partition in range(self.broker.partitions(topic)))

    def answered(self):
        """How far the verdicts have come, by number of records and markers."""
        try:
            self.known = max(self.known, self.high(self.topics["fraud"]))
        except KafkaException:
            pass  # away, or not in order yet: what was known last
        return self.known

    def must_be_busy(self, timeout=20):
        """Returns while records arrive and are answered: a fault that hits an idle group proves nothing."""
        if not any(feed.is_busy for feed in self.feeds):
            raise Failure("no records arrive any more: the fault would hit an idle group")
        before = self.answered()
        until(lambda: self.answered() > before, timeout, "verdicts are being written", every=0.02)

    def caught_up(self, timeout=60):
        """Waits until the leader has applied and committed all that is there."""
        def done():
            self.check()
            leader = next((instance for instance in self.running if instance.role() == "leader"), None)
            if leader is None:
                return False
            health = leader.health()
            return health.get("kafka", {}).get("lag") == 0 and leader.metric("weir_kept_bytes") == 0
        def state():
            return f"the leader has caught up: {[(i.name, i.health().get('role'), i.health().get('kafka')) for i in self.running]}"
        until(done, timeout, state, every=0.2)
        time.sleep(0.3)
        until(done, timeout, state, every=0.2)

    # -- The end

    def finish(self, timeout=120, fresh=True, audit=True, **expected):
        """Lets all records come, has the digests of the survivors and of a fresh instance compared, ends all, and judges what was answered."""
        for feed in self.feeds:
            feed.finish(timeout)
        self.caught_up(timeout)
        for instance in self.running:
            instance.wait_ready()
        if fresh:
            self.compare()
        for instance in self.running:
            instance.check_digests()
            instance.end()
        self.check()
        answers = judge.Answers(self.broker, self.topics)
        facts = judge.judge(answers, self.topics, **expected)
        facts["epochs"] = judge.epochs(answers.entries)
        facts["again"] = self.again
        if audit:
            facts["audit"] = judge.audit(self)
        self.answers = answers
        return facts

    def compare(self):
        """A fresh instance restores, the leader hands over, and its successor's first entry holds a digest that all others compare theirs with."""
        fresh = self.instance("fresh").wait_ready(120)
        leader = self.leader()
        rest = [instance for instance in self.running if instance is not leader]
        leader.check_digests()
        marks = {instance.name: instance.metric("weir_leader_changes_total") for instance in rest}
        leader.end()
        until(lambda: any(i.metric("weir_leader_changes_total") > marks[i.name] for i in rest), 30, "somebody leads after the hand-over")
        self.leader()
        # Its first entry is committed; the others have read it when they follow without lag.
        time.sleep(0.5)
        return fresh

    def stop(self):
        """Ends whatever still runs; for the end of a case, however that went."""
        self.is_over = True
        World.alive = [world for world in World.alive if world is not self]
        for feed in self.feeds:
            feed.stop()
        for instance in self.instances:
            if instance.is_running:
                instance.kill()
        if self.pulse is not None:
            self.pulse.close()
