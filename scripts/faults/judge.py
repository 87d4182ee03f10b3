"""What must hold at the end, whatever happened: each record answered once, each verdict recomputed, each digest equal."""
import json
import os
import subprocess
from collections import Counter

from feed import identity
from setting import Failure


class Answers:
    """What a read_committed consumer sees of a group."""

    def __init__(self, broker, topics):
        self.input = broker.read(topics["transactions"])
        self.verdicts = {kind: broker.read(topics[kind]) for kind in ("fraud", "aml")}
        self.letters = broker.read(topics["letters"])
        self.entries = [json.loads(message.value()) for message in broker.read(topics["journal"])]


def source(message):
    told = json.loads(message.value())["source"]
    return told["partition"], told["offset"]


def letter_source(message):
    headers = {name: value for name, value in message.headers() or []}
    return int(headers["__weir.errors.partition"]), int(headers["__weir.errors.offset"])


def forgotten(answers):
    """The places of records that came later than anything is kept: an event that is not retained is not in its own account's windows."""
    def counts(verdict):
        return [window["count"] for window in verdict["velocity"]["account"].values()]

    verdicts = (json.loads(message.value()) for message in answers.verdicts["fraud"])
    return {(v["source"]["partition"], v["source"]["offset"]) for v in verdicts if v.get("late") and not any(counts(v))}


def judge(answers, topics, begun=None, reasons=("MALFORMED_JSON",)):
    """Holds what was answered against the input.

    - begun: by partition, the first offset that is judged: what lies before is gone.
    - reasons: with which a record that is a transaction may be a dead letter.
    """
    begun = begun or {}
    records = {(m.partition(), m.offset()): m for m in answers.input if m.offset() >= begun.get(m.partition(), 0)}
    seen = {}
    for kind, verdicts in answers.verdicts.items():
        sources = [source(message) for message in verdicts]
        twice = [place for place, count in Counter(sources).items() if count > 1]
        if twice:
            raise Failure(f"{len(twice)} {kind} verdicts are there more than once, the first of {min(twice)}")
        # The order of the input is the order of the verdicts, in each partition.
        last = {}
        for message, (partition, offset) in zip(verdicts, sources):
            key = (message.partition(), partition)
            if last.get(key, -1) >= offset:
                raise Failure(f"{kind}: the verdict of {partition}@{offset} comes after that of {last[key]}")
            last[key] = offset
        seen[kind] = {place for place in sources if place[1] >= begun.get(place[0], 0)}
    if seen["fraud"] != seen["aml"]:
        raise Failure(f"{len(seen['fraud'] ^ seen['aml'])} records have one verdict and not the other: {sorted(seen['fraud'] ^ seen['aml'])[:5]}")
    letters = Counter(place for place in map(letter_source, answers.letters) if place[1] >= begun.get(place[0], 0))
    if letters and max(letters.values()) > 1:
        raise Failure(f"{sum(count > 1 for count in letters.values())} dead letters are there more than once")
    scored = seen["fraud"]
    for name, places in (("verdicts", scored), ("dead letters", set(letters))):
        strange = places - set(records)
        if strange:
            raise Failure(f"{len(strange)} {name} speak of records that were not to be answered: {sorted(strange)[:5]}")
    if scored & set(letters):
        raise Failure(f"{len(scored & set(letters))} records have both verdicts and a dead letter: {sorted(scored & set(letters))[:5]}")

    # Which records must have what: of equal ones exactly one is scored, within a partition the first; and what comes later than anything is kept, as if it were new.
    copies = {}
    missing = []
    for place, message in records.items():
        who = identity(message.value()) if message.value() is not None else None
        if who is None:
            if place not in letters:
                missing.append(place)
        else:
            copies.setdefault(who, []).append(place)
    duplicates = 0
    told = told_duplicates(answers.entries, topics["transactions"])
    again = set()
    for places in copies.values():
        answered = [place for place in places if place in scored or place in letters]
        again |= set(sorted(answered)[1:])
        if not answered:
            # Of one whose first copy is gone the journal says what it was.
            missing += [] if begun and all(place in told for place in places) else [min(places)]
        elif answered[0] != min(place for place in places if place[0] == answered[0][0]) and not begun:
            raise Failure(f"{answered[0]} was answered instead of its first copy")
        duplicates += len(places) - len(answered)
    twice = again and again - forgotten(answers)
    if twice:
        raise Failure(f"{len(twice)} copies of transactions that were answered already were answered again, the first {sorted(twice)[:5]}")
    if missing:
        raise Failure(f"{len(missing)} records were not answered, the first {sorted(missing)[:5]}")
    for message in answers.letters:
        headers = {name: value.decode() for name, value in message.headers()}
        if headers["__weir.errors.reason"] not in reasons:
            raise Failure(f"a dead letter because of {headers['__weir.errors.reason']} at {letter_source(message)}: {headers.get('__weir.errors.message')}")
    if not begun and answers.entries and answers.entries[0]["n"] == 1:
        judge_journal(answers.entries, topics["transactions"], records, duplicates, len(letters))
    return {"records": len(records), "scored": len(scored), "duplicates": duplicates, "dead_lettered": len(letters)}


def told_duplicates(entries, topic):
    """The places of which the journal says that they are duplicates."""
    return {
        (partition, offset) for entry in entries for name, partition, first, last, outcome in entry.get("outcomes", [])
        if name == topic and outcome == "duplicate" for offset in range(first, last + 1)}


def judge_journal(entries, topic, records, duplicates, letters):
    """Entries follow each other, their runs hold each record once, and their outcomes are those that were seen."""
    for before, entry in zip(entries, entries[1:]):
        if entry["n"] != before["n"] + 1:
            raise Failure(f"entry {entry['n']} follows {before['n']} in the journal")
    next_offset = {}
    for entry in entries:
        for name, partition, first, last in entry["runs"]:
            if name != topic:
                continue
            if first < next_offset.get(partition, 0):
                raise Failure(f"entry {entry['n']} applies {partition}@{first} again")
            next_offset[partition] = last + 1
    for partition in {partition for partition, _ in records}:
        end = 1 + max(offset for number, offset in records if number == partition)
        if next_offset.get(partition, 0) != end:
            raise Failure(f"the journal ends at {next_offset.get(partition, 0)} in partition {partition}, which ends at {end}")
    told = Counter()
    for entry in entries:
        for name, _, first, last, outcome in entry.get("outcomes", []):
            if name == topic:
                told["duplicate" if outcome == "duplicate" else "letter"] += last - first + 1
    # A journal that was lost and begun anew speaks of what came after.
    is_whole = bool(entries) and all(offset == 0 for _, _, offset, _ in entries[0].get("offsets", []))
    differs = told["duplicate"] != duplicates or told["letter"] != letters
    if differs and (is_whole or told["duplicate"] > duplicates or told["letter"] > letters):
        raise Failure(f"the journal speaks of {dict(told)}, and {duplicates} duplicates and {letters} dead letters were seen")


def epochs(entries):
    """How often the leader changed."""
    return len({entry["epoch"] for entry in entries})


def audit(world, expected=0):
    """`weir audit` over all that is committed: the summary it writes; a Failure unless it ends with `expected`."""
    environment = dict(world.environment)
    environment["KAFKA_BOOTSTRAP_SERVERS"] = world.broker.servers
    done = subprocess.run([world.setting.weir, "audit", "--quiet"], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=900)
    summary = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""
    if done.returncode != expected:
        raise Failure(f"weir audit ended with {done.returncode}: {summary}; {done.stdout[:600]}")
    if "digests" in summary:
        raise Failure(f"weir audit: {summary}")
    return summary.removeprefix("weir audit: ")


def same_bytes(answers, other):
    """The verdicts of two groups that read one partition, byte for byte."""
    for kind in ("fraud", "aml"):
        mine = [message.value() for message in answers.verdicts[kind]]
        theirs = [message.value() for message in other.verdicts[kind]]
        if mine != theirs:
            at = next((i for i, (a, b) in enumerate(zip(mine, theirs)) if a != b), min(len(mine), len(theirs)))
            raise Failure(f"{kind} verdicts are not those of an undisturbed run: {len(mine)} and {len(theirs)}, the first difference at {at}")


def environment_without(names):
    return {key: value for key, value in os.environ.items() if not key.startswith(tuple(names))}
