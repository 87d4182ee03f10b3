"""A real `weir serve`: started, watched, started again where the protocol says so, and ended by its pid."""
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from setting import Failure, until

START_AGAIN = 75


class Instance:
    """Whoever ends it says so first (`kill`, `end`); every other end but 75 is the case's failure, and after 75 it is started again."""

    def __init__(self, world, name, port, environment):
        self.world, self.name, self.port, self.environment = world, name, port, environment
        self.lines = []  # of all its processes: (process number, line as JSON)
        self.exits = []  # how each of its processes ended
        self.starts = 0
        self.intended = {}  # by process number: why it ends, said before it does
        self.restarts = True  # after 75 and after a kill
        self.process = None
        self.changed = threading.Condition()
        self.divergences = 0

    # -- Life

    def start(self):
        self.starts += 1
        number = self.starts
        self.process = subprocess.Popen(
            [self.world.setting.weir, "serve"], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        threading.Thread(target=self._watch, args=(self.process, number), daemon=True).start()
        return self

    def _watch(self, process, number):
        with open(self.world.folder / f"{self.name}.log", "ab") as file:
            for line in process.stderr:
                file.write(line)
                file.flush()
                try:
                    said = json.loads(line)
                except ValueError:
                    said = {"level": "error", "event": "no JSON", "line": line.decode(errors="replace").strip()}
                with self.changed:
                    self.lines.append((number, said))
                    self.changed.notify_all()
                self.world.heard(self, said)
        code = process.wait()
        with self.changed:
            self.exits.append(code)
            self.changed.notify_all()
        self.world.ended(self, code, self.intended.get(number))

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL; it is started again by `start`."""
        self.intended[self.starts] = "kill"
        self.process.kill()
        self.process.wait()

    def signal(self, number):
        os.kill(self.process.pid, number)

    def end(self, within=10.0):
        """SIGTERM, and exit 0 within `within` seconds, as the contract says."""
        self.intended[self.starts] = "end"
        begun = time.monotonic()
        self.process.terminate()
        try:
            code = self.process.wait(within + 1.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure(f"{self.name} did not end within {within:g} s of SIGTERM") from None
        took = time.monotonic() - begun
        if code != 0:
            raise Failure(f"{self.name} ended with {code} after SIGTERM")
        if took > within:
            raise Failure(f"{self.name} took {took:.1f} s to end after SIGTERM")
        return took

    # -- What it says

    def said(self, event, after=0, process=None):
        """Lines of that event; of the process with that number alone."""
        with self.changed:
            return [line for number, line in self.lines[after:] if line.get("event") == event and (process is None or number == process)]

    def wait_for(self, event, timeout, after=0):
        """Waits for a line of that event beyond the first `after` lines."""
        end = time.monotonic() + timeout
        with self.changed:
            while True:
                for _, line in self.lines[after:]:
                    if line.get("event") == event:
                        return line
                left = end - time.monotonic()
                if left <= 0:
                    raise Failure(f"{self.name} did not say '{event}' within {timeout:g} s")
                self.changed.wait(left)

    # -- HTTP

    def get(self, path, timeout=5.0):
        """Status and body."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def health(self):
        """`/health`, {} while it does not answer."""
        try:
            return json.loads(self.get("/health", 2.0)[1])
        except (OSError, ValueError):
            return {}

    def role(self):
        return self.health().get("role")

    def is_ready(self):
        try:
            return self.get("/readyz", 2.0)[0] == 200
        except OSError:
            return False

    def metrics(self):
        """Samples by name and labels, {} while it does not answer."""
        try:
            text = self.get("/metrics", 5.0)[1].decode()
        except OSError:
            return {}
        samples = {}
        for line in text.splitlines():
            if line and line[0] != "#":
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def metric(self, name):
        """The sum over all labels of a series."""
        return sum(value for key, value in self.metrics().items() if key == name or key.startswith(name + "{"))

    def check_digests(self):
        """None of what it compared differed."""
        count = self.metric("weir_divergence_total")
        if count:
            raise Failure(f"{self.name}: weir_divergence_total is {count:g}")

    def wait_ready(self, timeout=60):
        until(self.is_ready, timeout, lambda: f"{self.name} is ready: {self.health() or self.exits}")
        return self


STOP, CONTINUE = signal.SIGSTOP, signal.SIGCONT
