"""A round-robin client of /predict, as a load balancer sends it: only to those whose /readyz is 200, looked at twice a second."""
import http.client
import json
import threading
import time


class Callers:
    """`rate` calls a second, spread over a few threads; each keeps what it was answered, when, and how long it took."""

    def __init__(self, instances, rate, account, threads=4):
        self.instances, self.rate, self.account = instances, rate, account
        self.calls = []  # (begun, wall clock at the beginning, seconds, instance name, status or error, count of the account's hour)
        self.ready = []
        self.is_stopped = False
        self.turn = 0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self._call, args=(i, threads), daemon=True) for i in range(threads)]
        self.looker = threading.Thread(target=self._look, daemon=True)

    def start(self):
        self._refresh()
        self.looker.start()
        for thread in self.threads:
            thread.start()
        return self

    def _refresh(self):
        self.ready = [instance for instance in list(self.instances()) if instance.is_ready()]

    def _look(self):
        while not self.is_stopped:
            self._refresh()
            time.sleep(0.5)

    def _next(self):
        with self.lock:
            self.turn += 1
            ready = self.ready
            return ready[self.turn % len(ready)] if ready else None

    def _call(self, index, threads):
        connections = {}
        begun = time.monotonic() + index / self.rate
        number = 0
        while not self.is_stopped:
            due = begun + number * threads / self.rate
            number += 1
            wait = due - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            instance = self._next()
            at, wall = time.monotonic(), time.time()
            if instance is None:
                self.calls.append((at, wall, 0, None, "nobody is ready", None))
                continue
            body = json.dumps({"transaction_id": f"probe-{index}-{number}", "account_id": self.account, "timestamp": int(wall * 1000), "amount": 1})
            status, count = None, None
            for again in (False, True):
                connection = connections.get(instance) if not again else None
                reused = connection is not None
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=5)
                try:
                    connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    text = answer.read()
                    status = answer.status
                    connections[instance] = connection
                    if status == 200:
                        count = json.loads(text)["velocity"]["account"]["1h"]["count"]
                    break
                except (OSError, http.client.HTTPException) as error:
                    connection.close()
                    connections.pop(instance, None)
                    status = f"{type(error).__name__}"
                    # A kept connection that was closed while idle is opened anew, as every client does.
                    if not reused:
                        break
            self.calls.append((at, wall, time.monotonic() - at, instance.name, status, count))

    def stop(self):
        self.is_stopped = True
        for thread in self.threads:
            thread.join(10)

    def failed(self):
        return [call for call in self.calls if call[4] != 200]
