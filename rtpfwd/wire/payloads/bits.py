"""Reading and writing fields that do not end at byte borders.

Source: the descriptors f(n) and ns(n) of the AV1 bitstream specification §4.10, used by the dependency
descriptor; ue(v) and se(v) of H.264 §9.1.
"""

from rtpfwd.errors import InvalidParameters, MalformedPacket
from rtpfwd.wire import Buffer


class BitReader:
    """Reads from the highest bit of the first byte on; raises ``MalformedPacket`` past the end."""

    __slots__ = ("_left", "_value")

    def __init__(self, data: Buffer) -> None:
        self._value = int.from_bytes(data)
        self._left = len(data) * 8

    def read(self, bits: int) -> int:
        """The next ``bits`` bits as an unsigned number; none are 0."""
        self._left -= bits
        if self._left < 0:
            raise MalformedPacket(f"bit field of {bits} bits: {-self._left} are missing")
        return self._value >> self._left & (1 << bits) - 1

    def read_non_symmetric(self, limit: int) -> int:
        """A number below ``limit`` (at least 1) in as few bits as can be."""
        bits = limit.bit_length()
        short = (1 << bits) - limit
        value = self.read(bits - 1)
        if value < short:
            return value
        return (value << 1) - short + self.read(1)

    def read_exp_golomb(self) -> int:
        """An unsigned Exp-Golomb number, ue(v) (H.264 §9.1), of at most 32 bits."""
        zeros = 0
        while not self.read(1):
            zeros += 1
            if zeros > 32:
                raise MalformedPacket("Exp-Golomb number of more than 32 bits")
        return (1 << zeros) - 1 + self.read(zeros)

    def read_signed_exp_golomb(self) -> int:
        """A signed one, se(v) (H.264 §9.1.1)."""
        value = self.read_exp_golomb()
        return value + 1 >> 1 if value & 1 else -(value >> 1)


class BitWriter:
    """Writes from the highest bit of the first byte on.

    Raises ``InvalidParameters`` for what does not fit.
    """

    __slots__ = ("_size", "_value")

    def __init__(self) -> None:
        self._value = 0
        self._size = 0

    def write(self, value: int, bits: int) -> None:
        """Appends an unsigned number of ``bits`` bits."""
        if not 0 <= value < 1 << bits:
            raise InvalidParameters(f"{value}: need an unsigned number of {bits} bits")
        self._value = self._value << bits | value
        self._size += bits

    def write_non_symmetric(self, value: int, limit: int) -> None:
        """Appends a number below ``limit``, see ``BitReader.read_non_symmetric``."""
        if not 0 <= value < limit:
            raise InvalidParameters(f"{value}: need 0 to {limit - 1}")
        bits = limit.bit_length()
        short = (1 << bits) - limit
        if value < short:
            self.write(value, bits - 1)
        else:
            self.write(value + short, bits)

    def serialize(self) -> bytes:
        """What was written, filled up with zero bits to whole bytes."""
        rest = -self._size % 8
        return (self._value << rest).to_bytes((self._size + rest) // 8)
