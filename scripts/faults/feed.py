"""Records that keep arriving: `weir simulate` into `weir produce`, paced, while faults happen."""
import json
import random
import subprocess
import threading
import time

from setting import Failure


class DirectSink:
    """A newer librdkafka's producer, for cases in which the broker goes away: 2.0.2's may hold records back for a minute after that."""

    def __init__(self, world):
        self.topic = world.topics["transactions"]
        self.producer = world.broker.producer(**{
            "partitioner": "murmur2_random", "message.timeout.ms": 120_000, "enable.idempotence": True, "reconnect.backoff.max.ms": 500, "linger.ms": 5})
        self.failed = 0
        self.code = None

    def write(self, lines):
        for line in lines:
            who = identity(line)
            self.producer.produce(self.topic, line.rstrip(b"\n"), who and who[0].encode(), on_delivery=self._delivered)
        self.producer.poll(0)

    def _delivered(self, error, message):
        self.failed += error is not None

    def close(self):
        self.failed += self.producer.flush(100)
        self.code = 1 if self.failed else 0

    def poll(self):
        return self.code

    def wait(self, timeout=None):
        return self.code

    def kill(self):
        self.code = self.code or 0


class ProduceSink:
    """`weir produce`, told the records on its standard input."""

    def __init__(self, world):
        environment = dict(world.environment)
        # Longer than any fault: what is not delivered is not the case's question.
        environment.update({"KAFKA_BOOTSTRAP_SERVERS": world.broker.servers, "KAFKA_CONF_MESSAGE_TIMEOUT_MS": "120000"})
        with open(world.folder / "produce.log", "ab") as log:
            self.process = subprocess.Popen(
                [world.setting.weir, "produce", "-"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log)
        self.poll, self.wait, self.kill, self.close = self.process.poll, self.process.wait, self.process.kill, self.process.stdin.close

    def write(self, lines):
        self.process.stdin.write(b"".join(lines))
        self.process.stdin.flush()


class Feed:
    """Sends the lines of a simulated bank at a rate. At a gate that was not opened yet it goes on at a trickle: there is never silence."""

    TRICKLE = 40

    def __init__(self, world, lines, rate, sink=ProduceSink):
        self.world, self.lines, self.rate = world, lines, rate
        self.sent = 0
        self.gate = len(lines)
        self.is_stopped = False
        self.begun = None
        self.error = None
        self.sink = sink(world)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self.begun = time.monotonic()
        self.thread.start()
        return self

    def _run(self):
        due = 0.0
        last = time.monotonic()
        try:
            while self.sent < len(self.lines) and not self.is_stopped:
                time.sleep(0.02)
                now = time.monotonic()
                due = min(due + (now - last) * (self.rate if self.sent < self.gate else self.TRICKLE), self.rate)
                last = now
                count = int(due)
                if count:
                    due -= count
                    chunk = self.lines[self.sent:self.sent + count]
                    self.sink.write(chunk)
                    self.sent += len(chunk)
            self.sink.close()
        except OSError as error:
            self.error = error

    @property
    def is_busy(self):
        """More is to come."""
        return self.error is None and self.sent < len(self.lines) and self.sink.poll() is None

    def finish(self, timeout):
        """Sends the rest at full rate; returns when all is delivered."""
        self.gate = len(self.lines)
        self.thread.join(timeout)
        try:
            code = self.sink.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"the producer was not done within {timeout} s ({self.sent} of {len(self.lines)} sent)") from None
        if code != 0 or self.error:
            raise Failure(f"the producer failed with {code} {self.error or ''}")

    def cut(self):
        """No more comes than was sent."""
        self.is_stopped = True
        self.thread.join(10)

    def stop(self):
        """At once; for the end of a case."""
        self.is_stopped = True
        self.thread.join(5) if self.thread.is_alive() else None
        if self.sink.poll() is None:
            self.sink.kill()
        self.sink.wait()


def simulated(setting, count, seed, poison=0.002, rate=None):
    """Lines of `count` transactions, some late, some twice, and some that are none; with a rate, their event times are the present."""
    # Without a rate they are of the past, however many there are.
    pace = ["--start", "2024-01-01"] if rate is None else ["--rate", str(rate), "--steady", "--start", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())]
    done = subprocess.run(
        [setting.weir, "simulate", "--customers", "400", "--count", str(count), "--seed", str(seed), "--late-share", "0.01", "--duplicate-share", "0.005", *pace],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise Failure(f"weir simulate: {done.stderr.decode()[-500:]}")
    lines = done.stdout.splitlines(keepends=True)
    draw = random.Random(seed)
    for i in range(int(count * poison)):
        lines.insert(draw.randrange(len(lines)), b'{"transaction_id":"broken-%d"\n' % i)
    return lines


def identity(value):
    """(account, transaction) of an input record; None where it is no transaction."""
    try:
        record = json.loads(value)
        return record["account_id"], record["transaction_id"]
    except (ValueError, KeyError, TypeError):
        return None
