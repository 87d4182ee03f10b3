"""Toxiproxy between instances and broker: one proxy a way."""
import json
import subprocess
import urllib.request

from broker import WAYS
from setting import Failure, toxiproxy, until


class Proxy:
    def __init__(self, broker, port):
        self.broker, self.port = broker, port
        binary = toxiproxy()
        if binary is None:
            raise Failure("no toxiproxy-server: set TOXIPROXY")
        self.process = subprocess.Popen(
            [binary, "-host", "127.0.0.1", "-port", str(port)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, 10, "toxiproxy answers")
        for way in range(WAYS):
            self._call("POST", "/proxies", {
                "name": f"way{way}", "listen": f"127.0.0.1:{broker.before(way)}", "upstream": f"127.0.0.1:{broker.behind(way)}", "enabled": True})

    def _answers(self):
        try:
            self._call("GET", "/version")
            return True
        except OSError:
            return False

    def _call(self, method, path, body=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def add(self, way, kind, stream="downstream", **attributes):
        """Poisons a way: latency (latency, jitter ms), timeout (0: swallows), reset_peer (timeout ms), slicer, bandwidth …"""
        self._call("POST", f"/proxies/way{way}/toxics", {"name": f"{kind}-{stream}", "type": kind, "stream": stream, "attributes": attributes})

    def heal(self, way):
        """Takes everything away again."""
        for toxic in json.loads(self._call("GET", f"/proxies/way{way}/toxics")):
            self._call("DELETE", f"/proxies/way{way}/toxics/{toxic['name']}")
        self._call("POST", f"/proxies/way{way}", {"enabled": True})

    def cut(self, way):
        """Closes every connection, and refuses new ones, until `heal`."""
        self._call("POST", f"/proxies/way{way}", {"enabled": False})

    def stop(self):
        self.process.kill()
        self.process.wait()
