# Twin of clock.py and wire/serial.py: the arithmetic that Python does with integers of any size.


cdef inline int64_t floor_div(int64_t a, int64_t b) noexcept nogil:
    cdef int64_t q = a // b
    return q - 1 if (a % b != 0 and (a < 0) != (b < 0)) else q


cdef inline int64_t us_to_ticks(int64_t duration_us, int64_t clock_rate) noexcept nogil:
    # In two steps, because the product of a year in microseconds and 90000 does not fit.
    cdef int64_t whole = floor_div(duration_us, 1000000)
    cdef int64_t rest = duration_us - whole * 1000000
    return whole * clock_rate + rest * clock_rate // 1000000


cdef inline int64_t distance_32(int64_t newer, int64_t older) noexcept nogil:
    return ((newer - older + 0x80000000LL) & 0xFFFFFFFFLL) - 0x80000000LL


cdef inline uint32_t read_16(const uint8_t* at) noexcept nogil:
    return <uint32_t>at[0] << 8 | at[1]


cdef inline uint32_t read_32(const uint8_t* at) noexcept nogil:
    return <uint32_t>at[0] << 24 | <uint32_t>at[1] << 16 | <uint32_t>at[2] << 8 | at[3]


cdef inline void write_16(uint8_t* at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 8)
    at[1] = <uint8_t>value


cdef inline void write_32(uint8_t* at, uint32_t value) noexcept nogil:
    at[0] = <uint8_t>(value >> 24)
    at[1] = <uint8_t>(value >> 16)
    at[2] = <uint8_t>(value >> 8)
    at[3] = <uint8_t>value
