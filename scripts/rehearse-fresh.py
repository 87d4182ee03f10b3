#!/usr/bin/env python3
"""Rehearses a newcomer's first quarter of an hour: a Debian of its own, made by debootstrap, with a compiler, git, curl and Swift and nothing else; the committed state is cloned
there with nothing beside it, `make demo` must show what the README says within a minute of its build and end at Ctrl-C, and `make test` must pass. Needs root and debootstrap.

    scripts/rehearse-fresh.py [--folder DIR] [--keep] [--debian bookworm] [--port 21900] [--no-test]
"""

import argparse
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
# What a machine has on which Swift was installed as its makers say.
BASE = ["ca-certificates", "curl", "g++", "gcc", "git", "libc6-dev", "libxml2", "libcurl4", "libsqlite3-0", "libncurses6", "libedit2", "libpython3.11", "make", "python3-minimal", "sudo", "tzdata"]


def fail(why):
    sys.exit(f"rehearse-fresh: {why}")


def run(*command, **how):
    subprocess.run(command, check=True, **how)


def make_debian(folder, release):
    """A minimal Debian, which takes its packages from where this machine does."""
    run("debootstrap", "--variant=minbase", release, folder, stdout=subprocess.DEVNULL)
    for file in ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/apt/sources.list.d/debian.sources"):
        if os.path.exists(file):
            shutil.copy(file, folder + file)
    for file in os.listdir("/etc/apt/apt.conf.d"):
        if file.startswith("99"):
            shutil.copy("/etc/apt/apt.conf.d/" + file, folder + "/etc/apt/apt.conf.d/" + file)


class Debian:
    """Commands inside the folder, in a mount namespace of their own: nothing is left mounted when they end."""

    def __init__(self, folder, toolchain):
        self.folder, self.toolchain = folder, toolchain
        os.makedirs(folder + toolchain, exist_ok=True)

    def command(self, script, user="newcomer"):
        mounts = (f"mount --bind {self.toolchain} {self.folder}{self.toolchain}; mount -o remount,bind,ro {self.folder}{self.toolchain}; "
                  f"mount -t proc proc {self.folder}/proc; mount --rbind /sys {self.folder}/sys; mount --rbind /dev {self.folder}/dev")
        # What pip and curl must trust here is told by the environment.
        kept = {k: v for k, v in os.environ.items() if k.endswith("_proxy") or k in ("PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT")}
        home = "/root" if user == "root" else "/home/newcomer"
        environment = {**kept, "HOME": home, "USER": user, "TERM": "xterm", "LANG": "C.UTF-8", "SSL_CERT_FILE": "/etc/ssl/machine.crt", "PIP_CERT": "/etc/ssl/machine.crt",
                       "PATH": f"{self.toolchain}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        inside = ["env", "-i"] + [f"{k}={v}" for k, v in environment.items()] + ["bash", "-c", script]
        enter = f'set -e; {mounts}; exec chroot --userspec={user} {self.folder} "$@"'
        return ["unshare", "--mount", "--propagation", "private", "bash", "-c", enter, "chroot"] + inside

    def run(self, script, user="newcomer", **how):
        run(*self.command(script, user), **how)


def install(debian):
    os.makedirs(debian.folder + "/etc/ssl", exist_ok=True)
    shutil.copy(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"), debian.folder + "/etc/ssl/machine.crt")
    quiet = {"stdout": subprocess.DEVNULL}
    debian.run("apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends " + " ".join(BASE), user="root", **quiet)
    debian.run("useradd --create-home --shell /bin/bash newcomer && echo 'newcomer ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/newcomer", user="root")
    home = debian.folder + "/home/newcomer"
    run("git", "clone", "-q", "--no-hardlinks", ROOT, home + "/weir")
    debian.run("chown -R newcomer: /home/newcomer", user="root")


class Terminal:
    """A command behind a terminal of its own, as a person sees it."""

    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvp(command[0], command)
        self.text, self.code = "", None

    def read(self, seconds):
        """What came within `seconds`; False at its end."""
        if select.select([self.fd], [], [], seconds)[0]:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:  # the terminal is closed when the last process has gone
                piece = b""
            if not piece:
                self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
                return False
            piece = piece.decode(errors="replace")
            sys.stdout.write(piece)
            sys.stdout.flush()
            self.text += piece
        return True

    def until(self, pattern, seconds, what):
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                fail(f"{what} did not come in {seconds} s")
            if not self.read(0.2):
                fail(f"it ended with {self.code} before {what} came")

    def interrupt(self, seconds):
        """Ctrl-C, as the terminal sends it: to all of the foreground."""
        os.write(self.fd, b"\x03")
        end = time.monotonic() + seconds
        while self.read(0.2):
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                fail(f"Ctrl-C did not end it in {seconds} s")


def demo(debian, port):
    began = time.monotonic()
    terminal = Terminal(debian.command(f"cd ~/weir && PORT={port} make demo"))
    terminal.until(r"Build complete!|Build of product.*complete", 3000, "the end of the build")
    built = time.monotonic()
    terminal.until(r"HTTP on http://127\.0\.0\.1:%d" % port, 60, "the HTTP address")
    terminal.until(r"[1-9]\d* fraud and [1-9]\d* aml verdicts/s", 60 - (time.monotonic() - built), "a rate of verdicts")
    terminal.until(r"  (fraud|aml  ) (review|decline|report) [0-9.]+ \S+: \S+", 60 - (time.monotonic() - built), "an alert with its reasons")
    shown = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
        health = json.load(answer)
    body = {"transaction_id": "t1", "account_id": "A", "timestamp": int(time.time() * 1000), "amount": 12.5}
    question = urllib.request.Request(f"http://127.0.0.1:{port}/predict", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(question, timeout=5) as answer:
        verdict = json.load(answer)
    interrupted = time.monotonic()
    before = len(terminal.text)
    terminal.interrupt(10)
    ended = time.monotonic()
    after = terminal.text[before:]
    print(f"\nrehearse-fresh: built in {built - began:.0f} s with what it installed; all shown {shown - built:.1f} s after; /health {health['status']}, /predict {verdict['decision']}; "
          f"Ctrl-C ended it in {ended - interrupted:.1f} s with {terminal.code}")
    # make ends by the signal that it was sent, whatever the demo, which has the last word, ended with; it would say "***" if that was not 0.
    if terminal.code not in (0, -signal.SIGINT) or not re.search(r"verdicts of \d+ transactions", after) or re.search(r"\*\*\*|rror|rash|Fatal", after):
        fail("Ctrl-C did not end it cleanly")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", help="where the Debian is made, or is already; a temporary one where absent")
    parser.add_argument("--keep", action="store_true", help="leaves the folder")
    parser.add_argument("--debian", default="bookworm")
    parser.add_argument("--port", type=int, default=21900)
    parser.add_argument("--no-test", action="store_true", help="make demo alone")
    options = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("debootstrap"):
        fail("it needs root and debootstrap")
    swift = shutil.which("swift") or fail("there is no Swift to lend it")
    folder = options.folder or tempfile.mkdtemp(prefix="weir-fresh-")
    os.chmod(folder, 0o755)  # the newcomer is not root
    try:
        if not os.path.exists(folder + "/etc/debian_version"):
            make_debian(folder, options.debian)
        debian = Debian(folder, os.path.dirname(os.path.dirname(os.path.realpath(swift))))
        if not os.path.exists(folder + "/home/newcomer/weir"):
            install(debian)
        demo(debian, options.port)
        if not options.no_test:
            began = time.monotonic()
            debian.run("cd ~/weir && make test")
            print(f"rehearse-fresh: make test passed in {time.monotonic() - began:.0f} s")
    finally:
        if not options.keep and not options.folder:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
