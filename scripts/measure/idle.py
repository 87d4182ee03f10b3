"""Start and rest in HTTP-only mode, and the size of the program."""
import os
import shutil
import subprocess
import tempfile
import time

from harness import WEIR, Missing, Weir, accepts, say


def run(tries=15):
    starts, rests = [], []
    for _ in range(tries):
        with Weir() as weir:
            while not (accepts(weir.port) and '"status":"ok"' in (weir.get("/health") or "")):
                time.sleep(0.001)
            starts.append((time.monotonic() - weir.began) * 1000)
            rests.append(weir.memory()[0])
            weir.end()
    starts.sort()
    with Weir() as weir:
        while not weir.get("/health"):
            time.sleep(0.01)
        time.sleep(5)
        rest = weir.memory()[0]
    say(f"HTTP-only: start until /health answers 200, {tries} times", f"median {starts[tries // 2]:.0f} ms, at most {starts[-1]:.0f} ms", "< 100 ms", starts[tries // 2] < 100)
    say("HTTP-only: resident memory after 5 s", f"{rest:.1f} MB", "< 30 MB", rest < 30)
    if not shutil.which("strip"):
        raise Missing("no strip")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["strip", "-o", folder + "/weir", WEIR], check=True)
        size = os.path.getsize(folder + "/weir") / 1e6
    say("release build, stripped", f"{size:.1f} MB", "< 20 MB", size < 20)
