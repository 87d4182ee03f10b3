"""What every measurement needs: a Kafka of its own, instances of weir, reading topics, and saying figures."""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WEIR = os.environ.get("WEIR", str(ROOT / ".build/release/weir"))
FIRST_PORT = int(os.environ.get("MEASURE_PORTS", "19700"))  # this and some 20 above it, on 127.0.0.1
CLEAN = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "TMPDIR", "JAVA_HOME", "KAFKA_HOME")}
figures = []


class Missing(Exception):
    """What a measurement needs is not there: it is left out, and that is said."""


def say(what, figure, bar=None, holds=None):
    """One figure; `bar` is what it is held to, and `holds` whether it does."""
    verdict = "" if holds is None else ("holds" if holds else "DOES NOT HOLD")
    figures.append((what, figure, bar or "", verdict))
    print(f"  {what}: {figure}" + (f"  [{bar}: {verdict}]" if bar else ""), flush=True)


def until(condition, seconds=60, what="it"):
    """Polls, until `condition()` is true; returns its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.005)
    raise AssertionError(f"{what} did not come in {seconds} s")


class Kafka:
    """One node of Apache Kafka, by scripts/kafka.sh; it and its data are gone at the end."""

    script = str(ROOT / "scripts/kafka.sh")

    def __enter__(self):
        home = subprocess.run([self.script, "home"], capture_output=True, text=True)
        if home.returncode != 0:
            raise Missing(home.stderr.strip())
        self.folder = tempfile.mkdtemp(prefix="weir-measure-")
        self.servers = f"127.0.0.1:{FIRST_PORT}"
        subprocess.run([self.script, "start", "--port", str(FIRST_PORT), "--data", self.folder + "/kafka", "--parent", str(os.getpid())],
                       check=True, stdout=subprocess.DEVNULL)
        return self

    def __exit__(self, *_):
        subprocess.run([self.script, "kill", "--data", self.folder + "/kafka"])
        shutil.rmtree(self.folder, ignore_errors=True)

    def topic(self, name, partitions=4):
        subprocess.run([self.script, "tool", "topics", "--bootstrap-server", self.servers, "--create", "--topic", name, "--partitions", str(partitions),
                        "--config", "message.timestamp.type=LogAppendTime"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def produce(self, *arguments, stdin=None, wait=True, **environment):
        process = subprocess.Popen([WEIR, "produce", *arguments], stdin=stdin, stderr=subprocess.PIPE, text=True,
                                   env={**CLEAN, "KAFKA_BOOTSTRAP_SERVERS": self.servers, **environment})
        if wait:
            talk = process.communicate()[1]
            assert process.returncode == 0, talk
        return process

    def reading(self, topic, start="beginning"):
        """A read_committed consumer that follows a topic: lines of partition, offset, value."""
        return subprocess.Popen(["kcat", "-C", "-b", self.servers, "-t", topic, "-o", start, "-q", "-u", "-X", "isolation.level=read_committed", "-X", "fetch.wait.max.ms=5",
                                 "-f", "%p %o %s\n"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def values(self, topic):
        """What a read_committed consumer sees of a topic, to its end."""
        command = ["kcat", "-C", "-b", self.servers, "-t", topic, "-o", "beginning", "-e", "-q", "-X", "isolation.level=read_committed"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            yield from process.stdout
        assert process.returncode == 0, f"kcat ended with {process.returncode}"


class Weir:
    """One instance of `weir serve`."""

    def __init__(self, number=0, **settings):
        self.port = FIRST_PORT + 10 + number
        self.log = tempfile.NamedTemporaryFile("w+", prefix="weir-log-")
        self.began = time.monotonic()
        self.process = subprocess.Popen([WEIR, "serve"], stderr=self.log, stdout=subprocess.DEVNULL,
                                        env={**CLEAN, "HOST": "127.0.0.1", "PORT": str(self.port), "DRAIN_DELAY": "0s", "MEMORY_LIMIT_MB": "8000", **settings})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except (OSError, ConnectionError):
            return None

    def post(self, path, body):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def health(self):
        text = self.get("/health")
        if text is None:
            assert self.process.poll() is None, "weir ended: " + open(self.log.name).read()[-2000:]
            return {}
        return json.loads(text)

    def wait_for(self, role, seconds=60):
        until(lambda: self.health().get("role") == role and self.health().get("status") in ("ok", "degraded"), seconds, f"role {role}")

    def metric(self, name):
        """The sum of a metric over its labels; `name` may end with some of them."""
        total = 0.0
        for line in (self.get("/metrics") or "").splitlines():
            if line.startswith(name) and re.match(r"[{ ,}]", line[len(name):] or " "):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def memory(self):
        """Resident now, and at its highest, in MB."""
        status = open(f"/proc/{self.process.pid}/status").read()
        return tuple(int(re.search(rf"{name}:\s+(\d+) kB", status).group(1)) / 1024 for name in ("VmRSS", "VmHWM"))

    def end(self, number=signal.SIGTERM):
        """Returns exit code and seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(60)
        return code, time.monotonic() - began


def wrk(url, body, connections=4, seconds=5):
    """Closed loop; returns p50 and p99 in ms, and requests a second."""
    if not shutil.which("wrk"):
        raise Missing("no wrk")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        # Its collector would be seen as pauses of the server.
        script.write('collectgarbage("stop")\nwrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = ' + json.dumps(body) + "\n")
        script.flush()
        out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", script.name, url], capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in out, out

    def millis(name):
        number, unit = re.search(rf"{name}%\s+([\d.]+)(us|ms|s)", out).groups()
        return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]

    return millis(50), millis(99), float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def paced(port, path, body, rate=500, seconds=5):
    """One connection that asks at a fixed rate, each latency counted from when the question was due.

    Returns p50 and p99 in ms, and the p99 of what the service itself says: the wait for the engine and the engine's work (Server-Timing). What lies between is
    sockets and the machine's scheduler.
    """
    request = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n\r\n".encode() + body.encode()
    latencies, own = [], []
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        answers = connection.makefile("rb")
        begin = time.perf_counter()
        for number in range(rate * seconds):
            due = begin + number / rate
            while (left := due - time.perf_counter()) > 0:
                time.sleep(left)
            connection.sendall(request)
            status, length = answers.readline(), 0
            assert b" 200 " in status, status
            while (line := answers.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
                elif line.lower().startswith(b"server-timing:"):
                    own.append(sum(float(part) for part in re.findall(rb"dur=([\d.]+)", line)))
            answers.read(length)
            latencies.append((time.perf_counter() - due) * 1000)
    latencies.sort()
    own.sort()
    return latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100], own[len(own) * 99 // 100]


def noise():
    """What the machine itself adds: by how much sleeps of 1 ms are late, p99 in ms."""
    late = []
    for _ in range(2000):
        begin = time.perf_counter()
        time.sleep(0.001)
        late.append((time.perf_counter() - begin) * 1000 - 1)
    return sorted(late)[1980]


def simulate(path, *arguments):
    subprocess.run([WEIR, "simulate", "-o", path, *arguments], check=True, env=CLEAN)
    return path


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False
