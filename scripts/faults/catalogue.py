"""The cases by name."""
from artefact import artefact
from broken import broken
from kill9 import kill9
from met import MET
from network import network, stall
from rolling import rolling
from snapshots import snapshots
from soak import soak
from stop import stop

CASES = {"kill9": kill9, "stop": stop, "broker": broken, "stall": stall, "network": network, "rolling": rolling, "snapshots": snapshots, "artefact": artefact, **MET, "soak": soak}
# Those that need the broker, the proxy or the processor for themselves; the others may run beside each other.
ALONE = {"stop", "broker", "stall", "network", "rolling", "artefact", "rights", "coordinator-away", "soak"}
DEFAULT = [name for name in CASES if name != "soak"]
