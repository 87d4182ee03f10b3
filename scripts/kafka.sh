#!/usr/bin/env bash
# A genuine Apache Kafka for tests: one KRaft node, on 127.0.0.1 only. The Kafka is taken from KAFKA_HOME, else from ../shared/kafka beside the checkout.
set -euo pipefail

usage() {
    cat >&2 <<'U'
usage: scripts/kafka.sh home                    prints where Kafka is; 3 if there is none, or no Java to run it
       scripts/kafka.sh start --port P --data DIR [--heap 512m] [--parent PID] [--classes DIR]
                                                [--set key=value]...
                                                prints 127.0.0.1:P once it answers; P+1 is its controller's.
                                                In settings {port} and {controller} stand for the two; classes
                                                are what settings name besides Kafka's own
                                                Started again on the same data it carries on. With --parent it
                                                ends, and its data goes, when that process does
       scripts/kafka.sh stop|kill --data DIR    SIGTERM, or SIGKILL as a crash; returns when it has ended
       scripts/kafka.sh tool NAME ARG...        topics configs groups console-producer console-consumer
                                                get-offsets delete-records dump-log transactions
U
    exit 2
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
java=${JAVA_HOME:+$JAVA_HOME/bin/}java

find_home() {
    local home
    if [ -n "${KAFKA_HOME:-}" ]; then
        [ -d "$KAFKA_HOME/libs" ] || { echo "KAFKA_HOME is $KAFKA_HOME, which has no libs folder" >&2; return 3; }
        (cd "$KAFKA_HOME" && pwd)
        return
    fi
    for home in "$here/../../shared/kafka" "$here/../../../shared/kafka"; do
        if [ -d "$home/libs" ]; then (cd "$home" && pwd); return; fi
    done
    echo "no Apache Kafka: set KAFKA_HOME to an unpacked release (4.0 or later)" >&2
    return 3
}

need_java() { command -v "$java" >/dev/null || { echo "no Java to run Kafka with (17 or later; openjdk-17-jre-headless)" >&2; return 3; }; }

[ $# -ge 1 ] || usage
command=$1
shift
port='' data='' heap=512m parent='' classes='' settings=()

case $command in
home)
    need_java && find_home
    exit
    ;;
tool)
    [ $# -ge 1 ] || usage
    case $1 in
    topics) class=org.apache.kafka.tools.TopicCommand ;;
    configs) class=kafka.admin.ConfigCommand ;;
    groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
    console-producer) class=org.apache.kafka.tools.ConsoleProducer ;;
    console-consumer) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
    get-offsets) class=org.apache.kafka.tools.GetOffsetShell ;;
    delete-records) class=org.apache.kafka.tools.DeleteRecordsCommand ;;
    dump-log) class=org.apache.kafka.tools.DumpLogSegments ;;
    transactions) class=org.apache.kafka.tools.TransactionsCommand ;;
    *) usage ;;
    esac
    need_java && home=$(find_home)
    shift
    exec "$java" -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$home/libs/*" "$class" "$@"
    ;;
start | stop | kill) ;;
*) usage ;;
esac

while [ $# -ge 2 ]; do
    case $1 in
    --port) port=$2 ;;
    --data) data=$2 ;;
    --heap) heap=$2 ;;
    --parent) parent=$2 ;;
    --classes) classes=$2 ;;
    --set) settings+=("$2") ;;
    *) usage ;;
    esac
    shift 2
done
if [ $# -ne 0 ] || [ -z "$data" ]; then usage; fi

pidfile=$data/pid log=$data/log
alive() { [ -s "$pidfile" ] && kill -0 "$(cat "$pidfile")" 2>/dev/null; }
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
ended() {
    for _ in $(seq 300); do
        alive || { rm -f "$pidfile"; return 0; }
        sleep 0.05
    done
    return 1
}

if [ "$command" != start ]; then
    alive || exit 0
    if [ "$command" = stop ]; then kill "$(cat "$pidfile")"; ended || true; fi
    if alive; then kill -9 "$(cat "$pidfile")"; ended; fi
    exit
fi

[ -n "$port" ] || usage
need_java && home=$(find_home)
alive && { echo "a Kafka runs on $data already" >&2; exit 1; }
for taken in "$port" $((port + 1)); do answers "$taken" && { echo "port $taken is taken" >&2; exit 4; }; done
mkdir -p "$data"
# Transactions and groups with as few internal partitions as one node needs, no waiting for other members, and retention by size or time only where a topic says so.
cat >"$data/server.properties" <<P
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$data/logs
num.partitions=4
log.retention.ms=-1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
controlled.shutdown.enable=false
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
P
for setting in ${settings[@]+"${settings[@]}"}; do
    setting=${setting//\{port\}/$port}
    echo "${setting//\{controller\}/$((port + 1))}" >>"$data/server.properties"
done

if [ ! -s "$data/logs/meta.properties" ]; then
    # A cluster id is 16 bytes of URL-safe base64; the first letter is ours, since a '-' would read as an option.
    id=W$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=' | cut -c2-)
    "$java" -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$home/libs/*${classes:+:$classes}" \
        kafka.tools.StorageTool format -t "$id" -c "$data/server.properties" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
fi

# What the caller has open is not the broker's: a connection would stay open in it after the caller closed it.
for fd in /proc/self/fd/*; do
    fd=${fd##*/}
    if [ "$fd" -gt 2 ] && [ "$fd" -ne 255 ]; then eval "exec $fd>&-"; fi
done
setsid "$java" "-Xmx$heap" -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -Dorg.slf4j.simpleLogger.showDateTime=true -cp "$home/libs/*${classes:+:$classes}" kafka.Kafka "$data/server.properties" >>"$log" 2>&1 </dev/null &
broker=$!
echo "$broker" >"$pidfile"

if [ -n "$parent" ]; then
    (
        exec </dev/null >/dev/null 2>&1
        while kill -0 "$parent" 2>/dev/null && kill -0 "$broker" 2>/dev/null; do sleep 0.5; done
        if ! kill -0 "$parent" 2>/dev/null; then
            kill -9 "$broker" 2>/dev/null
            rm -rf "$data"
        fi
    ) &
fi

for _ in $(seq 600); do
    answers "$port" && { echo "127.0.0.1:$port"; exit 0; }
    alive || break
    sleep 0.05
done
echo "Kafka did not start; the end of its log:" >&2
tail -20 "$log" >&2
exit 1
