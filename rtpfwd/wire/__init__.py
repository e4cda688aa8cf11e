"""Floor 2: bytes to dataclasses and back. No state, no time, no opinion about what a packet is for.

Every ``parse`` either returns a value that needs no further checking or raises ``MalformedPacket``; every
``serialize`` either returns bytes that parse back to the same value or raises ``InvalidParameters``.
"""

from typing import TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Anything that a parser of this floor reads from. It is never written to unless the function says so."""
