"""SIGSTOP of a leader past its timeout in mid-stream, then SIGCONT: it finds itself fenced, and answers nothing twice."""
import random
import time
from collections import Counter

from feed import simulated
from instance import CONTINUE, STOP
from setting import Failure, until
from world import World


def stop(setting, brokers, report):
    count, points = setting.pick((6_000, 2), (100_000, 10))
    world = World(setting, brokers.plain(), "stop", 4, **setting.pick({"LEADER_TIMEOUT": "1s"}, {}))
    # Each way has a delay, so that a leader is in mid-transaction most of the time.
    proxy = brokers.proxy()
    draw = random.Random(f"{setting.seed}/stop")
    begun = time.monotonic()
    try:
        for way in range(2):
            proxy.add(way, "latency", latency=15)
            world.instance(f"w{way}", way).wait_ready()
        feed = world.feed(simulated(setting, count, setting.seed), 1_500)
        ends = Counter()
        for point in range(points):
            feed.gate = count * (point + 1) // (points + 1)
            until(lambda: feed.sent >= count * point // (points + 1) + 1, 60, "records arrive")
            time.sleep(draw.uniform(0.1, 0.6))
            world.must_be_busy(40)
            ends[zombie(world, draw)] += 1
        report("stop", time.monotonic() - begun, zombies=dict(ends), **world.finish())
    finally:
        world.stop()
        for way in range(2):
            proxy.heal(way)


def zombie(world, draw):
    """Stops the leader until another one leads, and lets it go on: 75, or it follows."""
    leader = world.leader(40)
    other = next(instance for instance in world.running if instance is not leader)
    mark, exits = len(other.lines), len(leader.exits)
    leader.signal(STOP)
    try:
        other.wait_for("leading", 40, mark)
        time.sleep(draw.uniform(0, 1))
    finally:
        leader.signal(CONTINUE)
    lines = len(leader.lines)
    def settled():
        world.check()
        if len(leader.exits) > exits:
            return str(leader.exits[-1])
        return "followed" if leader.role() == "follower" and leader.said("another leads", lines) + leader.said("producer lost", lines) else None
    how = until(settled, 20, lambda: f"{leader.name} finds that another leads: {leader.role()} {leader.exits}")
    if how not in ("75", "followed"):
        raise Failure(f"{leader.name} ended with {how} after SIGCONT")
    leader.wait_ready()
    until(lambda: world.leader() and leader.role() in ("follower", "leader"), 20, f"{leader.name} is back")
    return how
