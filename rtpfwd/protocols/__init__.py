"""Floor 3: the sans-IO machines of one peer's connection: ICE, DTLS, SRTP, and the three in order.

Machines share five verbs: ``receive(..., now)``, ``handle_timeout(now)``, ``next_timeout()``, ``transmit()``
and ``events()``. Each counts what it drops in ``drops``, by reason.
"""
