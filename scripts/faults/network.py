"""A stall longer than the transaction timeout, and what a network does: delays, resets, swallowed answers, cuts."""
import json
import random
import threading
import time
import urllib.request
from collections import Counter

from feed import simulated
from instance import CONTINUE, STOP
from setting import Failure, quantile, until
from world import World


def stall(setting, brokers, report):
    """A lone instance that stood still, or could not be heard, for longer than its transaction lives goes on by itself."""
    seconds, count, timeout = setting.pick((12, 6_000, "5s"), (30, 100_000, "10s"))
    proxy = brokers.proxy()
    world = World(setting, brokers.plain(), "stall", 4, KAFKA_TRANSACTION_TIMEOUT=timeout)
    begun = time.monotonic()
    try:
        lone = world.instance("lone", 0).wait_ready()
        lone.restarts = False
        feed = world.feed(simulated(setting, count, setting.seed), setting.pick(400, 1_000))
        back = []
        for kind in ("stopped", "unheard"):
            proxy.add(0, "latency", latency=15)  # in mid-transaction most of the time
            world.must_be_busy()
            if kind == "stopped":
                lone.signal(STOP)
                time.sleep(seconds)
                lone.signal(CONTINUE)
            else:
                # Both directions are swallowed, and the connections stay: half-open.
                proxy.add(0, "timeout", timeout=0)
                proxy.add(0, "timeout", "upstream", timeout=0)
                time.sleep(seconds)
            proxy.heal(0)
            before, since = world.answered(), time.monotonic()
            until(lambda: (world.check(), world.answered() > before)[1], 60, lambda: f"verdicts are written again: {lone.health()} {lone.exits}", every=0.1)
            back.append(time.monotonic() - since)
            if lone.exits:
                raise Failure(f"the lone instance ended with {lone.exits}")
        report("stall", time.monotonic() - begun, again_after=f"{max(back):.1f} s", **world.finish())
    finally:
        world.stop()
        proxy.heal(0)


class Probe:
    """Asks an instance for /health and /predict all the time, and remembers when it said what, and how long it took."""

    def __init__(self, instance):
        self.instance, self.is_stopped = instance, False
        self.health, self.predict = [], []
        self.threads = [threading.Thread(target=self._look, daemon=True), threading.Thread(target=self._ask, daemon=True)]
        for thread in self.threads:
            thread.start()

    def _look(self):
        while not self.is_stopped:
            at = time.monotonic()
            self.health.append((at, self.instance.health().get("status")))
            time.sleep(0.1)

    def _ask(self):
        number = 0
        while not self.is_stopped:
            number += 1
            body = json.dumps({"transaction_id": f"probe-{number}", "account_id": "PROBE", "timestamp": int(time.time() * 1000), "amount": 1}).encode()
            request = urllib.request.Request(
                f"http://127.0.0.1:{self.instance.port}/predict", data=body, headers={"Content-Type": "application/json"})
            at = time.monotonic()
            try:
                with urllib.request.urlopen(request, timeout=5) as answer:
                    answer.read()
                    status = answer.status
            except OSError as error:
                status = getattr(error, "code", str(error))
            self.predict.append((at, time.monotonic() - at, status))
            time.sleep(0.02)

    def stop(self):
        self.is_stopped = True
        for thread in self.threads:
            thread.join(10)


def network(setting, brokers, report):
    count, faults = setting.pick((8_000, 6), (200_000, 30))
    proxy = brokers.proxy()
    world = World(setting, brokers.plain(), "network", 4)
    draw = random.Random(f"{setting.seed}/network")
    begun = time.monotonic()
    degraded_after, asked = [], []
    try:
        for way in range(2):
            world.instance(f"w{way}", way).wait_ready()
        feed = world.feed(simulated(setting, count, setting.seed), setting.pick(1_000, 1_500))
        world.must_be_busy()
        usual = baseline(world)
        kinds = ["cut", "reset", "swallow", "latency", "half-open", "slicer"]
        done = Counter()
        for point in range(faults):
            feed.gate = count * (point + 1) // (faults + 1)
            until(lambda: feed.sent >= count * point // (faults + 1) + 1, 60, "records arrive")
            world.must_be_busy(60)
            time.sleep(draw.uniform(0, 0.3))
            kind = kinds[point % len(kinds)]
            leader = world.leader(60)
            # Mostly the leader's network, sometimes a follower's, sometimes everybody's.
            whom = draw.choice([[leader], [leader], [instance for instance in world.running if instance is not leader], world.running])
            seconds = draw.uniform(1, 8) if setting.is_small else draw.uniform(1, 30)
            if point == 0:
                seconds = max(seconds, 6.5)
            fault(world, proxy, kind, whom, seconds, degraded_after, asked)
            done[kind] += 1
            before = world.answered()
            until(lambda: (world.check(), world.answered() > before)[1], 60, "verdicts are written again", every=0.1)
            for instance in world.instances:
                until(lambda: world.check() or instance.health().get("status") == "ok", 60, lambda: f"{instance.name} is ok again: {instance.health()}")
        facts = world.finish()
        slow = quantile(asked, 0.99)
        if max(degraded_after, default=0) > 5.0:
            raise Failure(f"/health said degraded only {max(degraded_after):.1f} s after a cut")
        # On a machine that is too busy for that even without a fault, no slower than it was then.
        if slow > max(0.020, usual):
            raise Failure(f"/predict took {slow * 1000:.1f} ms (p99 of {len(asked)}) while cut off, and {usual * 1000:.1f} ms before")
        if not asked or not degraded_after:
            raise Failure("no cut was long enough to be looked at")
        report("network", time.monotonic() - begun, faults=dict(done), degraded_after=f"{max(degraded_after):.1f} s", predict_while_cut=f"p50 {quantile(asked, 0.5) * 1000:.1f} ms p99 {slow * 1000:.1f} ms max {max(asked) * 1000:.1f} ms of {len(asked)}", predict_before=f"p99 {usual * 1000:.1f} ms", **facts)
    finally:
        world.stop()
        for way in range(2):
            proxy.heal(way)


def baseline(world):
    """p99 of /predict without a fault, seconds."""
    probes = [Probe(instance) for instance in world.running]
    time.sleep(3)
    for probe in probes:
        probe.stop()
    return quantile([took for probe in probes for _, took, _ in probe.predict], 0.99)


def fault(world, proxy, kind, whom, seconds, degraded_after, asked):
    """One fault for a while. While an instance is cut off its health is looked at, and verdicts are asked of it."""
    probes = [Probe(instance) for instance in whom] if kind in ("cut", "half-open") and seconds > 5.5 else []
    since = time.monotonic()
    for instance in whom:
        if kind == "cut":
            proxy.cut(instance.way)
        elif kind == "reset":
            proxy.add(instance.way, "reset_peer", timeout=50)
        elif kind == "swallow":
            proxy.add(instance.way, "timeout", timeout=0)  # requests arrive, answers do not
        elif kind == "half-open":
            proxy.add(instance.way, "timeout", timeout=0)
            proxy.add(instance.way, "timeout", "upstream", timeout=0)
        elif kind == "latency":
            proxy.add(instance.way, "latency", latency=300, jitter=200)
        elif kind == "slicer":
            proxy.add(instance.way, "slicer", average_size=200, size_variation=100, delay=200)
    time.sleep(seconds)
    until_when = time.monotonic()
    for probe in probes:
        probe.stop()
    for instance in whom:
        proxy.heal(instance.way)
    for probe in probes:
        if probe.instance.exits and probe.instance.exits[-1] not in (0,) and not probe.instance.is_running:
            continue
        first = next((at for at, status in probe.health if status == "degraded"), None)
        if first is None:
            raise Failure(f"/health of {probe.instance.name} never said degraded in {seconds:.1f} s of {kind}: {[s for _, s in probe.health][-5:]}")
        degraded_after.append(first - since)
        failed = [status for at, _, status in probe.predict if status != 200]
        if failed:
            raise Failure(f"/predict of {probe.instance.name} answered {failed[0]} while cut off")
        asked += [took for at, took, _ in probe.predict if since <= at <= until_when]
