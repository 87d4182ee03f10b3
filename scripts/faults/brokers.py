"""The brokers of a run: one for all cases that harm it in nothing lasting, and a proxy before it."""
from broker import Broker
from proxy import Proxy


class Brokers:
    """Ports, of the hundred: 0–7 the broker and its ways, 10–17 one with rights or limits of its own, 20 toxiproxy, 30–89 HTTP."""

    def __init__(self, setting):
        self.setting = setting
        self._plain = None
        self._proxy = None

    def plain(self):
        if self._plain is None:
            self._plain = Broker(self.setting, self.setting.ports)
            self._plain.start()
        elif not self._plain.is_up:
            self._plain.start()
        return self._plain

    def proxy(self):
        """The proxy before all ways of the plain broker, healed."""
        if self._proxy is None:
            self._proxy = Proxy(self.plain(), self.setting.ports + 20)
        return self._proxy

    def renew(self):
        """After a case that failed: a broker that no longer answers is started again."""
        if self._plain is not None:
            self._plain.kill()
            self._plain.start()
        if self._proxy is not None:
            self._proxy.stop()
            self._proxy = None

    def stop(self):
        if self._proxy is not None:
            self._proxy.stop()
        if self._plain is not None:
            self._plain.kill()
