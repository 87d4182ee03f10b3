#!/usr/bin/env python3
"""Faults, on real processes and a genuine Apache Kafka, while records keep arriving. docs/reference/faults.md says what is judged.

Usage: python scripts/faults [--size small|full] [--seed N] [--weir FILE] [--ports N] [--minutes N] [--keep] [CASE…]
"""
import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from brokers import Brokers
from catalogue import ALONE, CASES, DEFAULT
from setting import Failure, Setting, root
from world import World


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help="which: " + ", ".join(CASES) + "; by default all but soak")
    parser.add_argument("--size", choices=["small", "full"], default="small")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weir", default=str(root / ".build/release/weir"))
    parser.add_argument("--ports", type=int, default=19_600, help="the first of a hundred ports on 127.0.0.1")
    parser.add_argument("--jobs", type=int, default=2, help="how many cases run beside each other, where they may")
    parser.add_argument("--minutes", type=float, help="how long the soak goes on; an hour by default")
    parser.add_argument("--keep", action="store_true", help="leaves logs and the broker's data")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.cases if name not in CASES]
    if unknown:
        parser.error(f"no such case: {', '.join(unknown)}")
    if subprocess.run([root / "scripts/kafka.sh", "home"], stdout=subprocess.DEVNULL).returncode != 0:
        print("SKIPPED: no Apache Kafka to test against (set KAFKA_HOME)")
        return 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-faults-"))
    setting = Setting(arguments.weir, arguments.ports, arguments.size, arguments.seed, folder)
    setting.minutes = arguments.minutes
    brokers = Brokers(setting)
    failed = []
    begun = time.monotonic()
    names = arguments.cases or DEFAULT
    print(f"size {setting.size}, seed {setting.seed}: {' '.join(names)}", flush=True)
    def interrupted(*_):
        for world in list(World.alive):
            world.stop()
        brokers.stop()
        os._exit(130)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    try:
        brokers.plain()
        with ThreadPoolExecutor(arguments.jobs) as pool:
            failed += [name for name in pool.map(lambda name: run(name, setting, brokers), [name for name in names if name not in ALONE]) if name]
        for name in names:
            if name in ALONE and run(name, setting, brokers):
                failed.append(name)
                brokers.renew()
    finally:
        brokers.stop()
        if failed or arguments.keep:
            print(f"logs: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{'FAILED: ' + ' '.join(failed) if failed else 'all held'} in {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def run(name, setting, brokers):
    """Runs a case; its name if it failed."""
    begun = time.monotonic()
    try:
        skipped = CASES[name](setting, brokers, report)
        print(f"{'SKIPPED ' + name + ': ' + skipped if skipped else 'ok ' + name} ({time.monotonic() - begun:.0f} s)", flush=True)
        return None
    except Exception as error:
        if not isinstance(error, Failure):
            traceback.print_exc()
        print(f"FAILED {name} ({time.monotonic() - begun:.0f} s): {error}", flush=True)
        return name


def report(name, seconds, **facts):
    print(f"   {name}: {seconds:.1f} s, " + ", ".join(f"{key} {value}" for key, value in facts.items()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
