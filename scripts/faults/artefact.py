"""The newest artefact damaged by one byte while records flow, and put right; then new versions coming and going under 32 connections that ask for contributions."""
import hashlib
import http.client
import json
import pathlib
import re
import shutil
import threading
import time

from feed import identity, simulated
from setting import Failure, root, until
from world import World

OLD, NEW = "1.0.0", "1.1.0"
CONNECTIONS = 32


def artefact(setting, brokers, report):
    count, reloads = setting.pick((60_000, 4), (300_000, 20))
    folder = setting.folder / "artefacts"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(root / "models", folder)
    succeed(folder / "fraud")
    world = World(
        setting, brokers.plain(), "artefact", 4, MODEL_URI=folder, MODEL_POLL_INTERVAL="500ms", FRAUD_REASONS="all", FEEDBACK_ENABLED="true",
        FRAUD_MODEL_VERSION="latest")
    begun = time.monotonic()
    try:
        instance = world.instance("w0").wait_ready()
        in_force(world, instance, NEW)
        lines = simulated(setting, count, setting.seed)
        feed = world.feed(lines, 5_000)
        # The last sixth waits until the file is whole again: there is never silence.
        feed.gate = count * 5 // 6
        rate, noticed, taken = damaged(world, instance, feed, folder / "fraud" / NEW / "model.txt")
        feed.finish(120)
        world.caught_up(120)
        answers = asked_during_reloads(world, instance, folder / "fraud", [line for line in lines[-2_000:] if identity(line)][:48], reloads)
        facts = world.finish()
        versions_in_order(world.answers)
        if instance.starts != 1:
            raise Failure(f"the instance was started {instance.starts} times")
        report(
            "artefact", time.monotonic() - begun, **facts, rate=f"{rate:.0f}/s", fell_back_after=f"{noticed:.1f} s", taken_up_after=f"{taken:.1f} s",
            during_reloads=f"{sum(answers.values())} answers on {CONNECTIONS} connections, by version {dict(answers)}")
    finally:
        world.stop()


def succeed(fraud):
    """A newer version beside the shipped one: other values in its first tree, so that no verdict of one is the other's."""
    shutil.copytree(fraud / OLD, fraud / NEW)
    model = (fraud / NEW / "model.txt").read_text()
    model = re.sub(r"(?m)^leaf_value=(\S+)", lambda m: f"leaf_value={float(m[1]) + 0.0625!r}", model, count=1)
    model = re.sub(r"(?m)^tree_sizes=.*\n", "", model)
    (fraud / NEW / "model.txt").write_text(model)
    manifest = json.loads((fraud / NEW / "manifest.json").read_text())
    manifest |= dict(version=NEW, sha256=hashlib.sha256(model.encode()).hexdigest())
    (fraud / NEW / "manifest.json").write_text(json.dumps(manifest))


def fraud_health(instance):
    health = instance.health()
    return health.get("status"), health.get("models", {}).get("fraud", {})


def in_force(world, instance, version):
    """Waits until that version scores and nothing is wrong with it; how long that took."""
    begun = time.monotonic()

    def taken():
        world.check()
        status, fraud = fraud_health(instance)
        return status == "ok" and fraud.get("version") == version and not fraud.get("error")

    until(taken, 20, lambda: f"fraud {version} is in force: {fraud_health(instance)}")
    return time.monotonic() - begun


def damaged(world, instance, feed, model):
    """Flips one byte of the newest version's file under load, and puts it right: the rate meanwhile, and how long each took to be noticed."""
    until(lambda: feed.sent >= 10_000, 60, "records arrive")
    world.must_be_busy()
    began, sent = time.monotonic(), feed.sent
    whole = model.read_bytes()
    at = len(whole) // 2
    flip(model, at, whole[at] ^ 1)
    flipped = time.monotonic()

    def fallen():
        world.check()
        return fraud_health(instance)[1].get("version") == OLD

    until(fallen, 20, lambda: f"the version before is taken: {fraud_health(instance)}")
    noticed = time.monotonic() - flipped
    status, fraud = fraud_health(instance)
    if status != "degraded" or NEW not in (fraud.get("error") or "") or "SHA-256" not in fraud["error"]:
        raise Failure(f"/health does not say what is wrong, and with which version: {status}, {fraud}")
    until(lambda: told(instance), 10, lambda: f"metrics tell it: {[(k, v) for k, v in instance.metrics().items() if 'model' in k or 'degraded' in k]}")
    world.must_be_busy()
    if not feed.is_busy:
        raise Failure("no records arrive any more: raise the number of records")
    flip(model, at, whole[at])
    taken = in_force(world, instance, NEW)
    world.must_be_busy()
    return (feed.sent - sent) / (time.monotonic() - began), noticed, taken


def told(instance):
    """The fall back is counted once, a part is degraded, and the version that scores is the old one."""
    metrics = instance.metrics()
    scores = [k for k in metrics if k.startswith("weir_model_info") and 'name="fraud"' in k]
    return (
        metrics.get('weir_model_fallbacks_total{name="fraud"}') == 1 and sum(v for k, v in metrics.items() if k.startswith("weir_degraded")) >= 1
        and len(scores) == 1 and f'version="{OLD}"' in scores[0])


def flip(path, at, value):
    """One byte, in place, as a disk would."""
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(bytes([value]))


def versions_in_order(answers):
    """Verdicts are of the new version, then the old, then the new: each change at one place of each partition, and no verdict by the rules between."""
    seen = {}
    for message in answers.verdicts["fraud"]:
        verdict = json.loads(message.value())
        if verdict["mode"] != "full":
            raise Failure(f"a verdict in mode {verdict['mode']}: {verdict.get('degraded')}")
        path = seen.setdefault(verdict["source"]["partition"], [])
        if path[-1:] != [verdict["model"]["version"]]:
            path.append(verdict["model"]["version"])
    strange = {partition: path for partition, path in seen.items() if path != [NEW, OLD, NEW]}
    if strange:
        raise Failure(f"versions by partition: {strange}")


def ask(connection, body):
    connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise Failure(f"/predict answers {answer.status}: {text[:200]!r}")
    return text


def asked_during_reloads(world, instance, fraud, bodies, reloads):
    """Each answer, among 32 connections while versions change, has the bytes that the version it names gave when asked alone. Answers by version."""
    bodies = [line.replace(b'"transaction_id":"', b'"transaction_id":"asked-') for line in bodies]
    aside = fraud.parent / "aside"
    alone = {}
    for version in (NEW, OLD):
        if version == OLD:
            (fraud / NEW).rename(aside)
        in_force(world, instance, version)
        connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=20)
        # Known to /health before it stands between two records.
        until(lambda: json.loads(ask(connection, bodies[0]))["model"]["version"] == version, 10, f"/predict answers by {version}")
        for body in bodies:
            text = ask(connection, body)
            verdict = json.loads(text)
            if verdict["model"]["version"] != version:
                raise Failure(f"{version} is in force, and an answer is of {verdict['model']}")
            if not any(reason["contribution"] for reason in verdict.get("reasons", [])):
                raise Failure(f"an answer without contributions: {text[:300]!r}")
            alone[version, body] = text
        connection.close()
    same = sum(alone[NEW, body] == alone[OLD, body] for body in bodies)
    if same:
        raise Failure(f"{same} answers are the same by both versions: they tell nothing")
    counts, problems, over = {NEW: 0, OLD: 0}, [], threading.Event()
    lock = threading.Lock()

    def asking(first):
        mine = {NEW: 0, OLD: 0}
        try:
            connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=20)
            i = first
            while not over.is_set():
                body = bodies[i % len(bodies)]
                text = ask(connection, body)
                version = json.loads(text)["model"]["version"]
                if text != alone.get((version, body)):
                    raise Failure(f"asked beside others, {version} says {text!r} instead of {alone.get((version, body))!r}")
                mine[version] += 1
                i += 7
            connection.close()
        except (Failure, OSError, http.client.HTTPException) as error:
            problems.append(f"{type(error).__name__}: {error}")
        with lock:
            for version, count in mine.items():
                counts[version] += count

    threads = [threading.Thread(target=asking, args=(i,), daemon=True) for i in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    try:
        for i in range(reloads):
            if i % 2 == 0:
                aside.rename(fraud / NEW)
                in_force(world, instance, NEW)
            else:
                (fraud / NEW).rename(aside)
                in_force(world, instance, OLD)
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
    if aside.exists():
        aside.rename(fraud / NEW)
        in_force(world, instance, NEW)
    if problems:
        raise Failure("; ".join(problems[:3])[:2000])
    if not all(counts.values()):
        raise Failure(f"answers by version: {counts}")
    return counts
