"""Takes the figures that docs/reference/figures.md shows, against the release build, on 127.0.0.1 alone.

usage: scripts/measure [idle] [answers] [ending] [memory] [following] [handbook]        all of them by default

WEIR names another program than .build/release/weir, MEASURE_PORTS the first of some 30 free ports (19700). Needs kcat and wrk (make deps-measure), Apache Kafka
(KAFKA_HOME, or ../shared/kafka) and for `handbook` the data (HANDBOOK, or ../shared/data/handbook); what is missing is said, and left out.
Ends with 1 where a figure does not hold its bar.
"""
import datetime
import importlib
import os
import pathlib
import platform
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import WEIR, Missing, figures  # noqa: E402

ALL = ["idle", "answers", "ending", "memory", "following", "handbook"]


def main():
    names = sys.argv[1:] or ALL
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(__doc__, file=sys.stderr)
        return 2
    if not os.access(WEIR, os.X_OK):
        print(f"no {WEIR}: make build", file=sys.stderr)
        return 1
    left_out = []
    if not shutil.which("kcat"):
        left_out += [(name, "no kcat") for name in names if name != "idle"]
        names = [name for name in names if name == "idle"]
    for name in names:
        print(f"{name}: {importlib.import_module(name).__doc__}", flush=True)
        try:
            importlib.import_module(name).run()
        except Missing as missing:
            left_out.append((name, str(missing)))
    processor = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
    print(f"\n{datetime.date.today()}, {processor.group(1) if processor else platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.1f}\n")
    print("| what | figure | bar | |\n| --- | --- | --- | --- |")
    for row in figures:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    for name, why in left_out:
        print(f"\nLEFT OUT: {name}: {why}")
    return 1 if any(row[3].startswith("DOES") for row in figures) else 0


sys.exit(main())
