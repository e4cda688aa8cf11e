"""How many error answers strangers may have: a limit for each host, in bounded memory.

An answer to a request that proved nothing goes to whatever address the datagram claims to come from, so it
must be neither a flood nor an amplifier (RFC 8489 §15). A file of its own because one budget serves all the
agents of a process.
"""

from rtpfwd.clock import Instant, seconds


class ErrorBudget:
    """At most ``per_second`` error answers to one host, for at most ``max_hosts`` hosts at a time.

    Share one between the agents of a process, so that the memory and the reflected traffic have one bound. A
    host is a source without its port: ports cost a forger nothing.
    """

    __slots__ = ("_max_hosts", "_per_second", "_spent")

    def __init__(self, per_second: int = 10, max_hosts: int = 256) -> None:
        self._per_second = per_second
        self._max_hosts = max_hosts
        self._spent: dict[str, tuple[Instant, int]] = {}

    def take(self, host: str, now: Instant) -> bool:
        """Whether one more error may go to ``host`` now."""
        since, count = self._spent.get(host, (now, 0))
        if now - since >= seconds(1):
            since, count = now, 0
        if count >= self._per_second:
            return False
        # A host's entry moves to the end when its second begins, so the first entry is the oldest.
        if count == 0:
            self._spent.pop(host, None)
            if len(self._spent) >= self._max_hosts:
                oldest = next(iter(self._spent))
                if now - self._spent[oldest][0] < seconds(1):
                    return False
                del self._spent[oldest]
        self._spent[host] = (since, count + 1)
        return True
