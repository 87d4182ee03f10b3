"""Snapshots: instances that are killed and ended go on from them, damaged ones are passed over, and what is answered stays what the log gives."""
import os
import random

from feed import simulated
from met import case
from setting import Failure, until


def newest(folder):
    files = [entry for entry in folder.iterdir() if not entry.name.endswith(".partial")]
    return sorted(files, key=lambda file: file.stat().st_mtime_ns)


def damage(file, how):
    size = file.stat().st_size
    if how == "flipped":
        with open(file, "r+b") as bytes_:
            bytes_.seek(size // 2)
            byte = bytes_.read(1)[0]
            bytes_.seek(size // 2)
            bytes_.write(bytes([byte ^ 16]))
    elif how == "cut":
        os.truncate(file, size * 2 // 3)
    else:
        os.truncate(file, 0)


def again(instance):
    """Starts it, and says how its state was made: `snapshot`, or `log`; and how many snapshots were passed over."""
    mark = len(instance.lines)
    instance.start()
    instance.wait_ready()
    return ("snapshot" if instance.said("restored from a snapshot", mark) else "log"), len(instance.said("snapshot not used", mark))


@case(STATE_DIR="", SNAPSHOT_INTERVAL="1s")
def snapshots(world, count):
    """Killed, ended and damaged: each start goes on from the newest whole one."""
    draw = random.Random(f"{world.setting.seed}/snapshots")
    folders = {name: world.folder / f"state-{name}" for name in ("w0", "w1")}
    instances = [world.instance(name, STATE_DIR=folder).wait_ready() for name, folder in folders.items()]
    feed = world.feed(simulated(world.setting, count, world.setting.seed, 0.002), count // 12)
    seen, harmed = [], {}
    for kind in ("kill", "end", "flipped", "cut", "empty", "all"):
        world.must_be_busy()
        instance = draw.choice(instances)
        folder = folders[instance.name]
        until(lambda: newest(folder), 20, f"{instance.name} writes a snapshot")
        if kind not in ("kill", "end"):
            # Damaged ones of before are kept until two have come after them.
            until(lambda: sum(file.stat().st_mtime_ns > harmed.get(folder, 0) for file in newest(folder)) == 2, 20, f"{instance.name} writes two")
        if kind == "end":
            instance.end()
        else:
            instance.kill()
        files = newest(folder)
        if kind in ("flipped", "cut", "empty"):
            damage(files[-1], kind)
        if kind == "all":
            for file in files:
                damage(file, "flipped")
        harmed[folder] = max([file.stat().st_mtime_ns for file in newest(folder)], default=0)
        how, passed = again(instance)
        foreseen = {"kill": ("snapshot", 0), "end": ("snapshot", 0), "all": ("log", 2)}.get(kind, ("snapshot", 1))
        if (how, passed) != foreseen:
            raise Failure(f"{kind}: {instance.name} began from the {how}, having passed over {passed}: {foreseen} was foreseen")
        seen.append(kind)
    written = sum(instance.metrics()['weir_snapshots_total{result="written"}'] for instance in instances)
    failed = sum(instance.metrics()['weir_snapshots_total{result="failed"}'] for instance in instances)
    if failed:
        raise Failure(f"{failed:g} snapshots were not written")
    return {"starts": len(seen), "written": int(written), **world.finish()}
