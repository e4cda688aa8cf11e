"""What the house calls a datagram: bytes and the 5-tuple that they came over or leave by.

Plain tuples, because one is made for every packet.
"""

Address = tuple[str, int] | tuple[str, int, int, int]
"""As the socket module gives it: ``(host, port)``, for IPv6 ``(host, port, flowinfo, scope_id)``."""

Path = tuple[int, Address]
"""A 5-tuple as one process sees it: the index of a local UDP socket, and the remote address."""

Datagram = tuple[bytes, Path]
"""A UDP payload and its path."""
