"""What users of other systems met, each on a group of its own: the outcome that the contract says, no silence, no loop, no verdict twice."""
import hashlib
import json
import time
import urllib.request

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import (
    AclBinding, AclBindingFilter, AclOperation, AclPermissionType, NewPartitions, ResourcePatternType, ResourceType)

import judge
from feed import DirectSink, simulated
from instance import CONTINUE, START_AGAIN, STOP
from setting import Failure, until
from world import World


def case(partitions=4, **settings):
    """A case gets a world of its own, that is ended after it, and returns facts to report."""
    def make(body):
        def run(setting, brokers, report):
            begun = time.monotonic()
            world = World(setting, brokers.plain(), body.__name__.replace("_", "-"), partitions, **settings)
            world.brokers = brokers
            try:
                facts = body(world, setting.pick(3_000, 30_000))
                report(world.name, time.monotonic() - begun, **facts)
            finally:
                world.stop()
        run.__doc__ = body.__doc__
        return run
    return make


def begin(world, count, rate=None, part=1.0, poison=0.002):
    """One instance, and records that keep coming; returns once some are answered."""
    instance = world.instance("w0").wait_ready()
    feed = world.feed(simulated(world.setting, count, world.setting.seed, poison), rate or count // 6)
    feed.gate = int(len(feed.lines) * part)
    world.must_be_busy()
    return instance, feed


def exit_of(world, instance, timeout, code):
    """Waits for the end of its last process, which a case foresees."""
    until(lambda: not instance.is_running, timeout, lambda: f"{instance.name} ends: {instance.health()}")
    instance.process.wait()
    until(lambda: len(instance.exits) == instance.starts, 5, "its end is known")
    if instance.exits[-1] != code:
        raise Failure(f"{instance.name} ended with {instance.exits[-1]} instead of {code}")


def refusal(instance, mark):
    line = next(iter(instance.said("refused", mark)), None)
    if line is None:
        raise Failure(f"{instance.name} does not say why it refuses to go on")
    return line["why"]


# -- Offsets


@case()
def offsets_deleted(world, count):
    """The group's offsets are gone: it goes on from where the journal says."""
    instance, feed = begin(world, count, part=0.6)
    world.must_be_busy()
    instance.kill()
    world.broker.settle(world.broker.admin.delete_consumer_groups([world.name]))
    instance.start()
    instance.wait_ready()
    return world.finish()


@case()
def offsets_set(world, count):
    """They are set to something else, while it is down and while it runs: said, and overwritten."""
    def put(offset):
        asked = ConsumerGroupTopicPartitions(world.name, [TopicPartition(world.topics["transactions"], p, offset) for p in range(4)])
        world.broker.settle(world.broker.admin.alter_consumer_group_offsets([asked]))
    instance, feed = begin(world, count, part=0.6)
    instance.kill()
    put(3)
    mark = len(instance.lines)
    instance.start()
    instance.wait_ready()
    instance.wait_for("leading", 30, mark)
    if not instance.said("group offsets differ", mark):
        raise Failure("it is not said that the group's offsets are not the journal's")
    world.must_be_busy()
    put(5)
    facts = world.finish()
    reader = world.broker.consumer(world.name)
    left = [p for p in reader.committed([TopicPartition(world.topics["transactions"], p) for p in range(4)], 10) if p.offset <= 5]
    reader.close()
    if left:
        raise Failure(f"offsets that others set were not overwritten: {left}")
    return facts


@case()
def foreign_consumer(world, count):
    """A consumer of somebody else's has the group's name, reads and commits: it is warned of, and harms nothing."""
    instance, feed = begin(world, count)
    stranger = world.broker.consumer(world.name, **{"enable.auto.commit": True, "auto.commit.interval.ms": 200})
    stranger.subscribe([world.topics["transactions"]])
    try:
        until(lambda: (stranger.poll(0.1), stranger.assignment())[1], 30, "the stranger is a member of the group")
        second = world.instance("w1")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            stranger.poll(0.01)
        world.must_be_busy()
        second.wait_ready()
        if not second.said("foreign consumers have this group's name"):
            raise Failure("the foreign consumer is not warned of")
        world.leader().kill()
        world.leader()
    finally:
        stranger.close()
    return world.finish()


# -- The journal


@case()
def journal_lost_down(world, count):
    """The journal is deleted while no instance runs: answering goes on at the group's offsets, and what lies before is history."""
    instance, feed = begin(world, count, part=0.5)
    instance.end()
    lost(world)
    instance.start()
    instance.wait_ready()
    return with_lost_journal(world)


@case()
def journal_lost_running(world, count):
    """It is deleted under a leader and a follower: made anew, and one of them goes on from its own state; the other with it, unless it had scored what was not committed, or not read all."""
    return goes_on(world, count, lost)


@case()
def journal_anew_running(world, count):
    """It is deleted and made anew at once by somebody else."""
    def lost_and_made(world):
        lost(world)
        until(lambda: world.broker.partitions(world.topics["journal"]) == 0, 20, "the journal is gone")
        time.sleep(0.5)
        world.broker.create(world.topics["journal"], 1)
    return goes_on(world, count, lost_and_made)


@case()
def journal_cut_off(world, count):
    """All of its entries are deleted under a leader that reads on, while its follower is stopped: the leader goes on, the follower is built anew."""
    instance, feed = begin(world, count, part=0.6)
    follower = world.instance("w1").wait_ready()
    world.must_be_busy()
    follower.signal(STOP)
    time.sleep(1.5)
    topic = world.topics["journal"]
    world.broker.settle(world.broker.admin.delete_records([TopicPartition(topic, 0, world.high(topic))]))
    follower.signal(CONTINUE)
    until(lambda: follower.exits, 30, "the follower, which lacks entries, ends")
    written_again(world)
    if instance.exits or follower.exits[0] != START_AGAIN:
        raise Failure(f"they ended with {instance.exits} and {follower.exits}")
    return with_lost_journal(world)


def goes_on(world, count, lose):
    instance, feed = begin(world, count, part=0.5)
    other = world.instance("w1").wait_ready()
    world.must_be_busy()
    begun = time.monotonic()
    lose(world)
    who = until(lambda: next((each for each in (instance, other) if each.said("going on without the journal")), None), 40, "somebody goes on")
    written_again(world)
    took = time.monotonic() - begun
    if not who.said("journal lost") or who.exits or world.again > 1:
        raise Failure(f"{who.name} goes on and ended with {who.exits}, {world.again} instances were started again")
    facts = with_lost_journal(world)
    if world.answers.entries[0]["n"] == 1:
        raise Failure("the journal's numbers do not go on")
    return {"went_on": who.name, "verdicts_again_after": f"{took:.1f} s", **facts}


def written_again(world):
    before = world.answered()
    until(lambda: (world.check(), world.answered() > before + 50)[1], 90, lambda: f"verdicts are written again: {[(i.name, i.exits, i.health()) for i in world.instances]}", every=0.1)


def with_lost_journal(world):
    facts = world.finish(audit=False)
    facts["audit"] = cannot_be_recomputed(world)
    return facts


def lost(world):
    world.broker.settle(world.broker.admin.delete_topics([world.topics["journal"]]))


def cannot_be_recomputed(world):
    """Nothing is different: what was answered before is beyond recomputing, what came after is identical."""
    summary = judge.audit(world, expected=1)
    if " 0 different" not in summary:
        raise Failure(f"weir audit: {summary}")
    return summary


# -- The input


@case(partitions=1)
def input_anew_down(world, count):
    """The input topic is deleted and made again, with more records than before: refused with the reason."""
    world.allowed_events.add("refused")
    instance, feed = begin(world, count, part=0.3)
    feed.gate = int(count * 0.3)
    world.caught_up()
    instance.end()
    feed.stop()
    anew(world)
    second = world.feed(simulated(world.setting, count, world.setting.seed + 1), count)
    second.finish(60)
    mark = len(instance.lines)
    instance.intended[instance.starts + 1] = "refusal"
    instance.start()
    exit_of(world, instance, 40, 1)
    return {"says": json.dumps(refusal(instance, mark))}


@case(partitions=1)
def input_anew_running(world, count):
    """The same under a leader and a follower: they end with the reason rather than fall silent."""
    world.allowed_events.add("refused")
    instance, feed = begin(world, count, part=0.5)
    other = world.instance("w1").wait_ready()
    for each in (instance, other):
        each.intended[each.starts] = "refusal"
    world.must_be_busy()
    feed.stop()
    anew(world)
    second = world.feed(simulated(world.setting, count, world.setting.seed + 1)[:200], 50)
    for each in (instance, other):
        exit_of(world, each, 60, 1)
    return {"says": json.dumps(refusal(instance, 0))}


def anew(world):
    topic = world.topics["transactions"]
    world.broker.settle(world.broker.admin.delete_topics([topic]))
    until(lambda: world.broker.partitions(topic) == 0, 20, "the topic is gone")
    time.sleep(1)  # the broker takes its files away in the background
    world.broker.create(topic, world.partitions, message_timestamp_type="LogAppendTime")


def cut(world, offset):
    """Deletes the records of all partitions below an offset."""
    topic = world.topics["transactions"]
    world.broker.settle(world.broker.admin.delete_records([TopicPartition(topic, p, offset) for p in range(world.partitions)]))


@case(partitions=1)
def deleted_below(world, count):
    """Answered records are deleted: a restore is without them and says so; nothing that was to be answered is lost."""
    instance, feed = begin(world, count, part=0.5)
    until(lambda: world.answered() > count // 4, 60, "a quarter is answered")
    instance.end()
    cut(world, 100)
    mark = len(instance.lines)
    instance.start()
    instance.wait_ready()
    counted(world, instance, mark, 100)
    facts = world.finish(audit=False, begun={0: 100})
    tail = [json.loads(message.value()) for message in world.answers.verdicts["fraud"]][-1]
    if tail["complete"]:
        raise Failure("a verdict claims to be complete after a log start above 0")
    return facts


@case(partitions=1)
def deleted_ahead(world, count):
    """Records that were not answered yet are deleted: counted, said, and the rest is answered."""
    instance, feed = begin(world, count, part=0.5)
    instance.end()
    answered = judge.Answers(world.broker, world.topics)
    next_offset = 1 + max(judge.source(message)[1] for message in answered.verdicts["fraud"])
    until(lambda: world.high(world.topics["transactions"]) > next_offset + 60, 60, "records wait to be answered")
    cut(world, next_offset + 50)
    mark = len(instance.lines)
    instance.start()
    instance.wait_ready()
    world.leader()
    counted(world, instance, mark, next_offset + 50)
    facts = world.finish(audit=False, begun={0: next_offset + 50}, fresh=False)
    return facts


def counted(world, instance, mark, offset):
    """All that the log no longer has and a restore wants, from the first full entry on."""
    lost = until(lambda: instance.metric("weir_records_lost_total"), 20, "lost records are counted")
    if lost != offset:
        raise Failure(f"{lost:g} records are said to be lost, and {offset} were")
    if not instance.said("answered offset lies below the log's start", mark) + instance.said("records lost", mark):
        raise Failure("it is not said that records are lost")


@case(partitions=1)
def growth(world, count):
    """The input grows from 1 partition to 4 in mid-stream, with a follower that applies what the leader finds."""
    instance, feed = begin(world, count, part=0.5)
    world.instance("w1").wait_ready()
    world.must_be_busy()
    world.broker.settle(world.broker.admin.create_partitions([NewPartitions(world.topics["transactions"], 4)]))
    until(lambda: world.broker.partitions(world.topics["transactions"]) == 4, 20, "there are four")
    # A producer that knows of them; the one before goes on beside it.
    second = world.feed(simulated(world.setting, count // 2, world.setting.seed + 1), count // 6)
    world.partitions = 4
    time.sleep(1)
    if not feed.is_busy or not second.is_busy:
        raise Failure("no records arrive any more")
    facts = world.finish()
    used = {judge.source(message)[0] for message in world.answers.verdicts["fraud"]}
    if used != {0, 1, 2, 3}:
        raise Failure(f"only partitions {used} were answered")
    return facts


@case(topic_settings={"cleanup_policy": "compact"})
def compacted(world, count):
    """A compacted input: warned of, and no verdict claims to be complete."""
    instance, feed = begin(world, count, poison=0)  # which has no key, and is not taken
    if not instance.said("input is compacted: windows are never complete"):
        raise Failure("it is not said that the input is compacted")
    facts = world.finish()
    if any(json.loads(message.value())["complete"] for message in world.answers.verdicts["fraud"]):
        raise Failure("a verdict over a compacted input claims to be complete")
    return facts


@case(partitions=1)
def open_transaction(world, count):
    """A foreign producer leaves a transaction open on the input: lag 0 when caught up, a restart is ready, and after its end all is answered."""
    producer = world.broker.producer(**{"transactional.id": "a-stranger", "transaction.timeout.ms": 120_000})
    producer.init_transactions(30)
    instance, feed = begin(world, count, part=0.4)
    topic = world.topics["transactions"]
    producer.begin_transaction()
    producer.produce(topic, b'{"transaction_id":"foreign","account_id":"F","timestamp":1767225600000,"amount":1}', b"F", 0)
    producer.flush(10)
    time.sleep(0.5)
    if not feed.is_busy:
        raise Failure("no records arrive behind the open transaction")
    world.caught_up(30)
    held = world.answered()
    instance.kill()
    instance.start()
    instance.wait_ready(30)
    second = world.instance("w1").wait_ready(30)
    world.caught_up(30)
    for each in (instance, second):
        until(lambda: each.health().get("kafka", {}).get("lag") == 0, 10, lambda: f"{each.name} has no lag: {each.health().get('kafka')}")
    high = world.high(topic)
    consumer = world.broker.consumer(**{"isolation.level": "read_uncommitted"})
    behind = consumer.get_watermark_offsets(TopicPartition(topic, 0), 5)[1] - high
    consumer.close()
    if behind <= 1:
        raise Failure("nothing lies behind the open transaction")
    producer.abort_transaction(30)
    until(lambda: world.answered() > held + min(behind, 20), 60, "what lay behind it is answered")
    facts = world.finish()
    facts["held_back"] = behind
    return facts


# -- Rights and limits


@case()
def rights(world, count):
    """The right to read the input is revoked and given back: degraded within 5 s, /predict answers, and it goes on by itself."""
    def rule(operation, permission):
        return AclBinding(ResourceType.TOPIC, world.topics["transactions"], ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation, permission)
    admin = world.broker.admin
    instance, feed = begin(world, count, rate=count // 15)
    follower = world.instance("w1").wait_ready()
    world.must_be_busy()
    world.broker.settle(admin.create_acls([rule(AclOperation.ALL, AclPermissionType.ALLOW), rule(AclOperation.READ, AclPermissionType.DENY)]))
    since = time.monotonic()
    for each in (instance, follower):
        until(lambda: each.health().get("status") == "degraded", 7, lambda: f"{each.name} says that it is degraded: {each.health()}")
    took = time.monotonic() - since
    if took > 5:
        raise Failure(f"degraded only {took:.1f} s after the right was revoked")
    trouble = instance.health()["kafka"].get("trouble")
    if predict(instance) != 200 or predict(follower) != 200:
        raise Failure("/predict does not answer without the right to read")
    time.sleep(3)
    if not feed.is_busy:
        raise Failure("no records arrive while the right is revoked")
    world.broker.settle(admin.delete_acls([AclBindingFilter(
        ResourceType.TOPIC, world.topics["transactions"], ResourcePatternType.LITERAL, None, None, AclOperation.ANY, AclPermissionType.ANY)]))
    for each in (instance, follower):
        until(lambda: each.health().get("status") == "ok", 20, lambda: f"{each.name} is ok again: {each.health()}")
    facts = world.finish()
    return {"degraded_after": f"{took:.1f} s", "trouble": trouble, **facts}


def predict(instance):
    body = json.dumps({"transaction_id": "x", "account_id": "X", "timestamp": int(time.time() * 1000), "amount": 1}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{instance.port}/predict", data=body, headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except OSError as error:
        return getattr(error, "code", str(error))


@case()
def coordinator_away(world, count):
    """The broker, and with it the coordinator, is away in mid-commit, refused and half-open: SIGTERM ends all the same, with 0 within 10 s."""
    proxy = world.brokers.proxy()
    instance = world.instance("w0", 0, DRAIN_DELAY="3s").wait_ready()
    feed = world.feed(simulated(world.setting, count, world.setting.seed), count // 12, DirectSink)
    feed.gate = int(count * 0.8)
    took = []
    try:
        for kind in ("unheard", "gone"):
            world.must_be_busy(60)
            if kind == "gone":
                world.broker.kill()
            else:
                proxy.add(0, "timeout", timeout=0)
                proxy.add(0, "timeout", "upstream", timeout=0)
            time.sleep(0.7)
            took.append(instance.end())
            if kind == "gone":
                world.broker.start()
            else:
                proxy.heal(0)
            instance.start()
            instance.wait_ready()
    finally:
        proxy.heal(0)
        if not world.broker.is_up:
            world.broker.start()
    return {"ended_after": " and ".join(f"{seconds:.1f} s" for seconds in took), **world.finish()}


@case()
def large_verdicts(world, count):
    """Verdicts that their topic does not take: each becomes a dead letter, its neighbours are answered, and nothing goes round in a loop."""
    many = 200
    world.broker.create(world.topics["fraud"], 4, max_message_bytes=1_300)
    lines = simulated(world.setting, count, world.setting.seed)
    for i in range(many):
        # Names that grow when they are written, and that compression makes little shorter.
        noise = ["".join(chr(1 + byte % 31) for byte in hashlib.shake_128(f"{i}/{part}".encode()).digest(128)) for part in range(2)]
        lines.insert((i + 1) * (count // (many + 2)), json.dumps({
            "transaction_id": noise[0], "account_id": noise[1], "timestamp": "2026-01-02T00:00:00Z", "amount": 1}).encode() + b"\n")
    instance = world.instance("w0").wait_ready()
    feed = world.feed(lines, count // 6)
    world.must_be_busy()
    for each in world.feeds:
        each.finish(120)
    world.caught_up(120)
    metrics = instance.metrics()
    aborted = metrics['weir_kafka_transactions_total{result="aborted"}']
    facts = world.finish(reasons=("MALFORMED_JSON", "VERDICT_TOO_LARGE"))
    diverted = metrics['weir_dead_letters_total{reason="VERDICT_TOO_LARGE"}']
    if not diverted:
        raise Failure("no verdict was too large")
    sizes = [len(message.value()) for message in world.answers.verdicts["fraud"]]
    if diverted > 2 * many or len(sizes) < count * 0.9:
        raise Failure(f"{diverted:g} verdicts were taken for too large, and {many} are")
    return {"too_large": int(diverted), "aborted": int(aborted), "largest_kept": max(sizes), **facts}


@case()
def twins(world, count):
    """Two processes of one INSTANCE_ID do each other no harm."""
    instance, feed = begin(world, count, part=0.5)
    twin = world.instance("twin", INSTANCE_ID="w0").wait_ready()
    world.must_be_busy()
    world.leader().end()
    world.leader()
    return world.finish()


MET = {
    "offsets-deleted": offsets_deleted, "offsets-set": offsets_set, "foreign-consumer": foreign_consumer, "journal-lost-down": journal_lost_down,
    "journal-lost-running": journal_lost_running, "journal-anew-running": journal_anew_running, "journal-cut-off": journal_cut_off,
    "input-anew-down": input_anew_down, "input-anew-running": input_anew_running,
    "deleted-below": deleted_below, "deleted-ahead": deleted_ahead, "growth": growth, "compacted": compacted, "open-transaction": open_transaction,
    "rights": rights, "coordinator-away": coordinator_away, "large-verdicts": large_verdicts, "twins": twins}
