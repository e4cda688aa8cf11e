# Twin of wire/payloads/bits.py. Past the end a reader gives zeros and has ``failed``.

cdef struct Bits:
    const uint8_t* data
    int size                     # in bits
    int at
    bint failed

cdef struct BitWriter:
    uint8_t* data
    int size                     # in bits
    int capacity                 # in bits
    bint failed


cdef uint32_t read_bits(Bits* bits, int count) noexcept nogil:
    cdef uint64_t value = 0
    cdef int taken = 0, byte, left, part
    if bits.failed or bits.at + count > bits.size:
        bits.failed = True
        return 0
    while taken < count:
        byte = bits.data[bits.at >> 3]
        left = 8 - (bits.at & 7)
        part = left if left < count - taken else count - taken
        value = value << part | (byte >> (left - part) & ((1 << part) - 1))
        taken += part
        bits.at += part
    return <uint32_t>value


cdef int bit_length(uint32_t value) noexcept nogil:
    cdef int bits = 0
    while value:
        value >>= 1
        bits += 1
    return bits


cdef uint32_t read_non_symmetric(Bits* bits, uint32_t limit) noexcept nogil:
    cdef int length = bit_length(limit)
    cdef uint32_t short = (<uint32_t>1 << length) - limit
    cdef uint32_t value = read_bits(bits, length - 1)
    if value < short:
        return value
    return (value << 1) - short + read_bits(bits, 1)


cdef int64_t read_exp_golomb(Bits* bits) noexcept nogil:
    cdef int zeros = 0
    while not read_bits(bits, 1):
        zeros += 1
        if zeros > 32 or bits.failed:
            bits.failed = True
            return 0
    return ((<int64_t>1 << zeros) - 1) + read_bits(bits, zeros)


cdef int64_t read_signed_exp_golomb(Bits* bits) noexcept nogil:
    cdef int64_t value = read_exp_golomb(bits)
    return (value + 1) >> 1 if value & 1 else -(value >> 1)


cdef void write_bits(BitWriter* writer, uint32_t value, int count) noexcept nogil:
    cdef int index = count - 1
    cdef uint8_t mask
    if writer.size + count > writer.capacity:
        writer.failed = True
        return
    while index >= 0:
        mask = <uint8_t>(0x80 >> (writer.size & 7))
        if not writer.size & 7:
            writer.data[writer.size >> 3] = 0
        if value >> index & 1:
            writer.data[writer.size >> 3] |= mask
        writer.size += 1
        index -= 1


cdef void write_non_symmetric(BitWriter* writer, uint32_t value, uint32_t limit) noexcept nogil:
    cdef int length = bit_length(limit)
    cdef uint32_t short = (<uint32_t>1 << length) - limit
    if value < short:
        write_bits(writer, value, length - 1)
    else:
        write_bits(writer, value + short, length)
