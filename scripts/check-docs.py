#!/usr/bin/env python3
"""Holds the documents to what there is: links, commands and options, OpenAPI, AsyncAPI and the verdict's schema against a running service.

usage: scripts/check-docs.py [WEIR]     (default .build/release/weir; run by .build/venv's Python, which has what it needs)
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import jsonschema
import openapi_spec_validator
import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs/reference"
WEIR = str(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build/release/weir").resolve())
CLEAN = {"PATH": os.environ["PATH"]}
problems = []
checked = {}


def problem(text):
    problems.append(text)
    print(text, file=sys.stderr)


def count(what, number=1):
    checked[what] = checked.get(what, 0) + number


def pages():
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in sorted(set(listed.stdout.split())):
        if (ROOT / name).exists():
            yield ROOT / name


# MARK: Links


def anchors(text):
    """As GitHub makes them of headings."""
    for heading in re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.S), re.M):
        yield re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links():
    for page in pages():
        text = page.read_text()
        prose = re.sub(r"`[^`\n]*`", "", re.sub(r"```.*?```", "", text, flags=re.S))
        for target in re.findall(r"\]\(([^)\s]+)\)", prose):
            if re.match(r"[a-z]+:", target):
                continue
            count("links")
            path, _, anchor = target.partition("#")
            file = (page.parent / path).resolve() if path else page
            if not file.exists():
                problem(f"{page.relative_to(ROOT)}: {target} is not there")
            elif anchor and file.suffix == ".md" and anchor not in set(anchors(file.read_text())):
                problem(f"{page.relative_to(ROOT)}: {target}: no such heading")
        # Files of the repository that are named in code spans: `docs/…`, `scripts/…`, `Sources/…`, `Tests/…`.
        for name in re.findall(r"`((?:docs|scripts|Sources|Tests|deploy|training|models|Benchmarks)/[\w./+\-]*\w)`", text):
            count("named files")
            if not (ROOT / name).exists():
                problem(f"{page.relative_to(ROOT)}: {name} is not there")


# MARK: Commands


def commands():
    overview = subprocess.run([WEIR, "--help"], capture_output=True, text=True, check=True, env=CLEAN).stdout
    options = {}

    def known(words):
        """The options of a command of one or two words; nil if there is none of that name."""
        for length in (2, 1):
            name = " ".join(words[:length])
            if len(words) < length:
                continue
            if name not in options:
                told = subprocess.run([WEIR, *words[:length], "--help"], capture_output=True, text=True, env=CLEAN)
                is_one = told.returncode == 0 and told.stdout.startswith(f"weir {name}:")
                is_group = length == 1 and told.returncode == 0 and not is_one
                options[name] = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", told.stdout)) if is_one else (set() if is_group else None)
            if options[name] is not None:
                return name, options[name]
        return None, None

    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.M))
    for page in pages():
        text = page.read_text()
        blocks = re.findall(r"```(?:sh|bash|console|text)?\n(.*?)```", text, re.S)
        spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()] + spans
        for line in lines:
            line = re.sub(r"(^|\s)#.*", "", line)
            for call in re.findall(r"(?:^|[|;&(]\s*|\s)(?:\S*/)?weir ((?:[a-z][\w-]*)(?: [^|;&)`]*)?)", line):
                words = call.split()
                name, takes = known(words)
                count("commands of weir")
                if name is None:
                    problem(f"{page.relative_to(ROOT)}: weir {' '.join(words[:2])}: no such command")
                    continue
                for word in words[len(name.split()):]:
                    option = re.match(r"--?[a-z][a-z-]*", word)
                    if option and takes and option.group(0) not in takes | {"--help", "-h"} and not (word[1] != "-" and word[:2] in takes):
                        problem(f"{page.relative_to(ROOT)}: weir {name} has no {option.group(0)}")
            for target in re.findall(r"(?:^|[;&]\s*)make ([a-z][\w-]*)", line):
                count("make targets")
                if target not in targets:
                    problem(f"{page.relative_to(ROOT)}: make {target}: no such target")
    # The other way round: nothing is there that the README or the reference do not speak of.
    said = "\n".join(page.read_text() for page in pages())
    for name in re.findall(r"^  weir ([a-z]+(?: [a-z]+)?)  |^  ([a-z]+(?: [a-z]+)?)  ", overview, re.M):
        name = name[0] or name[1]
        if f"weir {name}" not in said:
            problem(f"weir {name} is documented nowhere")


# MARK: Kafka's properties


def properties():
    """docs/reference/kafka.md has each property that the code sets, and its value, and no other."""
    code = dict(re.findall(r'"([a-z][a-z.]+)": "([^"\\]+)"', (ROOT / "Sources/Kafka/Properties.swift").read_text()))
    rows = dict(re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", (REFERENCE / "kafka.md").read_text(), re.M))
    page = {name: value.split(",")[0].strip("` ") for names, value in rows.items() for name in re.findall(r"`([\w.]+)`", names)}
    for name, value in code.items():
        count("properties of librdkafka")
        if page.get(name) != value:
            problem(f"docs/reference/kafka.md: {name} is {value} in the code, {page.get(name)} there")
    for name in page.keys() - code.keys() - {"transactional.id"}:
        problem(f"docs/reference/kafka.md: {name} is not set")


# MARK: Schemas


def resolved(document, base):
    """A document with each `$ref` put in its place."""

    def at(pointer):
        node = base
        for part in pointer.lstrip("#/").split("/"):
            node = node[part.replace("~1", "/").replace("~0", "~")]
        return node

    if isinstance(document, dict):
        if "$ref" in document:
            ref = document["$ref"]
            if ref.startswith("#/"):
                return resolved(at(ref), base)
            other = json.loads((REFERENCE / ref).read_text())
            return other  # a schema with references of its own
        return {key: resolved(value, base) for key, value in document.items()}
    if isinstance(document, list):
        return [resolved(value, base) for value in document]
    return document


def hold(schema, value, what):
    count(what)
    errors = list(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if errors:
        problem(f"{what}: {errors[0].json_path}: {errors[0].message[:200]}")


def asyncapi(folder):
    document = yaml.safe_load((REFERENCE / "asyncapi.yaml").read_text())
    whole = resolved(document, document)  # fails where a reference leads nowhere
    assert document["asyncapi"] == "3.0.0"
    for name, operation in document["operations"].items():
        if operation["channel"]["$ref"].removeprefix("#/channels/") not in document["channels"] or operation["action"] not in ("send", "receive"):
            problem(f"asyncapi.yaml: {name} has no channel")
    schemas = {}
    for name, channel in whole["channels"].items():
        (message,) = channel["messages"].values()
        payload = message["payload"]
        schemas[name] = payload["schema"] if "schemaFormat" in payload else payload
        for schema in (schemas[name], message.get("headers", {})):
            jsonschema.Draft202012Validator.check_schema(schema)
    # Topics are those that the program knows by default.
    defaults = {row["name"]: row["default"] for row in json.loads(subprocess.run([WEIR, "config", "--json"], capture_output=True, check=True, env=CLEAN).stdout)}
    for channel in document["channels"].values():
        setting = re.search(r"(\w+_TOPIC)", channel["description"]).group(1)
        count("topics")
        if defaults.get(setting) != channel["address"]:
            problem(f"asyncapi.yaml: {setting} is {defaults.get(setting)} by default, not {channel['address']}")

    transactions, feedback, verdicts = folder / "tx.jsonl", folder / "feedback.jsonl", folder / "verdicts.jsonl"
    subprocess.run([WEIR, "simulate", "--count", "400", "--customers", "60", "--fraud-share", "0.1", "--laundering-share", "0.1", "-o", str(transactions), "--feedback", str(feedback)],
                   check=True, env=CLEAN)
    subprocess.run([WEIR, "replay", str(transactions), "--feedback", str(feedback), "-o", str(verdicts)], check=True, env=CLEAN, stderr=subprocess.DEVNULL)
    for path, channel in ((transactions, "transactions"), (feedback, "feedback"), (verdicts, "fraudVerdicts")):
        for line in path.read_text().splitlines():
            hold(schemas[channel], json.loads(line), f"asyncapi.yaml, {channel}")
    return [json.loads(line) for line in transactions.read_text().splitlines()]


def openapi(transactions):
    document = yaml.safe_load((REFERENCE / "openapi.yaml").read_text())
    openapi_spec_validator.validate(document)
    whole = resolved(document, document)
    hold(whole["components"]["schemas"]["Transaction"], whole["components"]["requestBodies"]["Transaction"]["content"]["application/json"]["example"], "openapi.yaml, its example")
    with Service() as port:
        def ask(method, path, body=None, content_type="application/json"):
            headers = {"Content-Type": content_type} if body is not None else {}
            request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=body, method=method, headers=headers)
            try:
                answer = urllib.request.urlopen(request, timeout=10)
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                text = answer.read()
                known = whole["paths"][path][method.lower()]["responses"] if method.lower() in whole["paths"][path] else {"405": whole["components"]["responses"]["MethodNotAllowed"]}
                described = known.get(str(answer.status))
                what = f"openapi.yaml, {method} {path}: {answer.status}"
                if described is None:
                    problem(f"{what} is not described")
                    return answer.status
                kinds = described["content"]
                kind = answer.headers["Content-Type"]
                if kind not in kinds:
                    problem(f"{what} is {kind}")
                elif kind == "application/json":
                    hold(kinds[kind]["schema"], json.loads(text), what)
                else:
                    count(what)
                for header in described.get("headers", {}):
                    if header not in answer.headers:
                        problem(f"{what} lacks {header}")
                return answer.status

        for path, methods in whole["paths"].items():
            for method in methods:
                if method == "get":
                    if ask("GET", path) != 200:
                        problem(f"GET {path} is not 200")
                    ask("DELETE", path)
                else:
                    for transaction in transactions[:200]:
                        ask("POST", path, json.dumps(transaction).encode())
                    for body in (b"{", b"{}", b"[]", b"\xff", b'{"transaction_id":"","account_id":"a","timestamp":1,"amount":1}', b""):
                        if ask("POST", path, body) != 400:
                            problem(f"POST {path} of {body} is not 400")
                    if ask("POST", path, b'{"a":"' + b"x" * 70_000 + b'"}') != 413:
                        problem(f"POST {path} of 70 kB is not 413")
                    if ask("POST", path, b"a=b", "application/x-www-form-urlencoded") != 415:
                        problem(f"POST {path} of a form is not 415")
                    ask("GET", path)


class Service:
    """`weir serve` without a broker, on a port that the system gives."""

    def __enter__(self):
        self.process = subprocess.Popen([WEIR, "serve"], stderr=subprocess.PIPE, text=True, env={**CLEAN, "HOST": "127.0.0.1", "PORT": "0", "DRAIN_DELAY": "0s"})
        for line in self.process.stderr:
            if "port" in (said := json.loads(line)):
                return said["port"]
        raise AssertionError("weir serve did not listen")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate()
        if self.process.returncode != 0:
            problem(f"weir serve ended with {self.process.returncode}")


links()
commands()
properties()
with tempfile.TemporaryDirectory() as name:
    openapi(asyncapi(pathlib.Path(name)))
total = sum(checked.values())
print(f"{len(problems)} problems; looked at {total}: " + ", ".join(f"{number} {what}" for what, number in checked.items() if number > 10 or not what.startswith("openapi")))
sys.exit(1 if problems else 0)
