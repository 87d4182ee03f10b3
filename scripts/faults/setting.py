"""Where things are, and the little that every part needs: failing, waiting, measuring."""
import os
import pathlib
import time

root = pathlib.Path(__file__).resolve().parents[2]


class Failure(Exception):
    """What a case found wrong."""


class Setting:
    """What the command line says: the binary, the ports, the size, the seed."""

    def __init__(self, weir, ports, size, seed, folder):
        self.weir, self.ports, self.size, self.seed, self.folder = str(weir), ports, size, seed, folder

    @property
    def is_small(self):
        return self.size == "small"

    def pick(self, small, full):
        return small if self.is_small else full


def until(condition, timeout, what, every=0.05):
    """Waits until `condition()` is true, and returns what it gave; a Failure after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"not within {timeout:g} s: {what() if callable(what) else what}")
        time.sleep(every)


def quantile(values, share):
    """The value that `share` of `values` do not exceed; 0 of none."""
    if not values:
        return 0.0
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def toxiproxy():
    """The toxiproxy-server: $TOXIPROXY, else the one beside the checkout; None where there is none."""
    candidates = [os.environ.get("TOXIPROXY"), root.parent / "shared/toxiproxy/toxiproxy-server", root.parents[1] / "shared/toxiproxy/toxiproxy-server"]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return str(candidate)
    return None
