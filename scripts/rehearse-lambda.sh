#!/usr/bin/env bash
# Packs the function and has AWS's own runtime interface emulator start it and bring it events, in a root that holds the package alone. Says how long the first answer took, and fails over 150 ms
# (REHEARSE_START_MILLIS).
#   scripts/rehearse-lambda.sh [DIST]      DIST: what scripts/dist.sh laid out; without one it is built
# The emulator: WEIR_LAMBDA_RIE, else ../shared/lambda/aws-lambda-rie.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
rie=${WEIR_LAMBDA_RIE:-../shared/lambda/aws-lambda-rie}
if [ ! -x "$rie" ]; then echo "rehearse-lambda: not rehearsed: no aws-lambda-rie (WEIR_LAMBDA_RIE)" >&2; exit 0; fi
rie=$(realpath "$rie")
work=$(mktemp -d)
pid=''
trap 'if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi; rm -rf "$work"' EXIT
fail() { echo "rehearse-lambda: $*" >&2; exit 1; }

if [ $# -ge 1 ]; then dist=$1; else dist=$work/dist && scripts/dist.sh "$dist"; fi
deploy/aws/lambda/package.sh "$dist" "$work/package"

# 1. It needs nothing of this machine but a shell.
"$work/package/lib/loader" --library-path "$work/package/lib" --list "$work/package/weir" | awk '/=>/ {print $3}' | grep -v "^$work/package/lib/" && fail "libraries from elsewhere"
"$work/package/lib/loader" --library-path "$work/package/lib" --list "$work/package/lib/libcurl.so.4" | awk '/=>/ {print $3}' | grep -v "^$work/package/lib/" && fail "libcurl's libraries from elsewhere"
size=$(stat -c %s "$work/package.zip")
[ "$size" -lt 50000000 ] || fail "the package has $size bytes, over 50 MB"

# 2. A stand-in for the Runtime API measures the start: it answers the first `next` at once.
python3 - "$work/package/bootstrap" "${REHEARSE_START_MILLIS:-150}" <<'P' || fail "it starts too slowly"
import http.server, json, os, subprocess, sys, threading, time

answered = threading.Event()
event = open("Tests/Fixtures/lambda/api-gateway-v1.json", "rb").read()


class API(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if answered.is_set():
            return time.sleep(5)
        self.send_response(200)
        for name, value in (("Lambda-Runtime-Aws-Request-Id", "one"), ("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 30000)), ("Content-Length", len(event))):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(event)

    def do_POST(self):
        self.server.answer = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.millis = (time.monotonic() - began) * 1000
        answered.set()
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


best = None
for attempt in range(5):
    answered.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), API)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    began = time.monotonic()
    process = subprocess.Popen([sys.argv[1]], env={"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}", "_HANDLER": "fraudDetection", "LOG_LEVEL": "error", "PATH": os.environ["PATH"]})
    assert answered.wait(10), "no answer"
    process.terminate()
    process.wait()
    server.shutdown()
    assert server.answer["statusCode"] == 200, server.answer
    best = min(best or server.millis, server.millis)
print(f"rehearse-lambda: from the start to the first answer {best:.0f} ms, the best of five", file=sys.stderr)
sys.exit(best > float(sys.argv[2]))
P

# 3. The emulator brings it events.
port=${REHEARSE_PORT:-21380}
_HANDLER=fraudDetection LOG_LEVEL=error "$rie" --log-level error --runtime-interface-emulator-address "127.0.0.1:$port" --runtime-api-address "127.0.0.1:$((port + 1))" \
    "$work/package/bootstrap" >"$work/log" 2>&1 &
pid=$!
invoke() { curl -s --retry 30 --retry-connrefused --retry-delay 1 "http://127.0.0.1:$port/2015-03-31/functions/function/invocations" -d "@Tests/Fixtures/lambda/$1.json"; }
[[ $(invoke api-gateway-v1) == *'"statusCode":200'*complete*false* ]] || fail "API Gateway 1.0: $(invoke api-gateway-v1) $(cat "$work/log")"
[[ $(invoke api-gateway-v2) == *'"statusCode":200'* ]] || fail "API Gateway 2.0: $(invoke api-gateway-v2)"
[[ $(invoke kafka-msk) == '{"batchItemFailures":[]}' ]] || fail "MSK: $(invoke kafka-msk)"
[[ $(invoke kafka-self-managed) == '{"batchItemFailures":[]}' ]] || fail "a Kafka of one's own: $(invoke kafka-self-managed)"
echo "rehearse-lambda: the package has $size bytes; API Gateway 1.0 and 2.0, MSK and self-managed Kafka are answered" >&2
