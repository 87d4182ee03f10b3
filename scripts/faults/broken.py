"""The broker killed and started again in mid-transaction, with two instances."""
import random
import time
from collections import Counter

from feed import DirectSink, simulated
from setting import Failure, until
from world import World


def broken(setting, brokers, report):
    count, times = setting.pick((6_000, 2), (200_000, 10))
    broker = brokers.plain()
    world = World(setting, broker, "broker", 4)
    draw = random.Random(f"{setting.seed}/broker")
    begun = time.monotonic()
    try:
        for i in range(2):
            world.instance(f"w{i}").wait_ready()
        feed = world.feed(simulated(setting, count, setting.seed), 1_500, DirectSink)
        waits, hits = [], Counter()
        for point in range(times):
            feed.gate = count * (point + 1) // (times + 1)
            until(lambda: feed.sent >= count * point // (times + 1) + 1, 60, "records arrive")
            time.sleep(draw.uniform(0.1, 0.6))
            world.must_be_busy(60)
            marks = {instance: len(instance.lines) for instance in world.running}
            broker.kill()
            time.sleep(draw.choice([0, 1, 3]))
            broker.start()
            up = time.monotonic()
            before = world.answered()
            until(lambda: (world.check(), world.answered() > before)[1], 60, "verdicts are written again", every=0.1)
            waits.append(time.monotonic() - up)
            # What a transaction that was open then leaves in a leader's log.
            if any(instance.said(event, mark) for instance, mark in marks.items() for event in ("transaction aborted", "producer lost")):
                hits["in mid-transaction"] += 1
            else:
                hits["between two"] += 1
        facts = world.finish()
        if not hits["in mid-transaction"]:
            raise Failure(f"no broker was killed in mid-transaction: {dict(hits)}")
        if facts["epochs"] > 3 * times + 3:
            raise Failure(f"the leader changed {facts['epochs']} times in {times} restarts of the broker")
        report("broker", time.monotonic() - begun, restarts=dict(hits), again_after=f"{max(waits):.1f} s", **facts)
    finally:
        world.stop()
