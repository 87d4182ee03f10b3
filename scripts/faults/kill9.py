"""SIGKILL at seeded points: leading, following, restoring, taking over."""
import random
import time
from collections import Counter

import judge
from feed import simulated
from setting import Failure, until
from world import World


def kill9(setting, brokers, report):
    broker = brokers.plain()
    count, points = setting.pick((10_000, 4), (200_000, 50))
    for partitions, instances in ((1, 1), (4, 1), (1, 3), (4, 3)):
        world = World(setting, broker, f"kill9-p{partitions}-i{instances}", partitions, **setting.pick({"LEADER_TIMEOUT": "1s"}, {}))
        try:
            begun = time.monotonic()
            facts, hits = run(setting, world, count, points, instances)
            if partitions == 1:
                undisturbed(setting, broker, world)
            report(world.name, time.monotonic() - begun, kills=dict(hits), **facts)
        finally:
            world.stop()


def run(setting, world, count, points, instances):
    draw = random.Random(f"{setting.seed}/{world.name}")
    for i in range(instances):
        world.instance(f"w{i}")
    world.leader()
    # Whole in the time that the points need, each with what it takes to recover.
    feed = world.feed(simulated(setting, count, setting.seed), setting.pick(1_500, 2_000))
    kinds = ["leader", "restoring", "standing", "follower"] if instances > 1 else ["leader", "restoring", "standing"]
    hits = Counter()
    for point in range(points):
        feed.gate = count * (point + 1) // (points + 1)
        until(lambda: feed.sent >= count * point // (points + 1) + 1, 60, "records arrive")
        time.sleep(draw.uniform(0.05, 0.6))
        world.must_be_busy(40)
        kind = kinds[point % len(kinds)]
        hits[KILLS[kind](world, draw)] += 1
        world.check()
    return world.finish(), hits


def revive(world, instance, draw):
    """Starts a killed one again, after a while in which others may have taken over."""
    time.sleep(draw.choice([0, 0.2, 1.5]))
    instance.start()


def kill_leader(world, draw):
    leader = world.leader(40)
    time.sleep(draw.uniform(0, 0.15))
    leader.kill()
    revive(world, leader, draw)
    return "leader"


def kill_follower(world, draw):
    leader = world.leader(40)
    follower = draw.choice([instance for instance in world.running if instance is not leader] or [leader])
    before = follower.metric("weir_followed_total")
    until(lambda: follower.metric("weir_followed_total") > before or follower.role() == "leader", 20, f"{follower.name} follows", every=0.02)
    follower.kill()
    revive(world, follower, draw)
    return "follower"


def kill_restoring(world, draw):
    """One that was just started, before it says that it is ready."""
    leader = world.leader(40)
    victim = draw.choice([instance for instance in world.running if instance is not leader] or [leader])
    victim.kill()
    after = len(victim.lines)
    victim.start()
    victim.wait_for("restoring", 30, after)
    time.sleep(draw.uniform(0, 0.01))
    victim.kill()
    hit = "restoring" if not victim.said("state ready", after) else "just restored"
    victim.start()
    return hit


def kill_standing(world, draw):
    """Whoever stands after the leader's end, or that one itself where it is alone."""
    leader = world.leader(40)
    marks = {instance: len(instance.lines) for instance in world.running}
    leader.kill()
    if len(world.running) == 0:
        leader.start()
    def standing():
        world.check()
        return next((i for i, mark in marks.items() if i.is_running and i.said("standing", mark)), None)
    victim = until(standing, 40, "somebody stands", every=0.005)
    time.sleep(draw.uniform(0, 0.4))
    victim.kill()
    hit = "standing" if not victim.said("leading", marks[victim]) else "just leading"
    for instance in {leader, victim}:
        if not instance.is_running:
            revive(world, instance, draw)
    return hit


KILLS = {"leader": kill_leader, "follower": kill_follower, "restoring": kill_restoring, "standing": kill_standing}


def undisturbed(setting, broker, world):
    """With one partition the verdicts are, byte for byte, those of a run that nothing disturbed."""
    other = World(setting, broker, f"{world.name}-calm", 0, **{"TRANSACTIONS_TOPIC": world.topics["transactions"]})
    other.topics["transactions"] = world.topics["transactions"]
    try:
        other.instance("calm")
        other.caught_up(120)
        other.running[0].end()
        other.check()
        judge.same_bytes(world.answers, judge.Answers(broker, other.topics))
    finally:
        other.stop()
