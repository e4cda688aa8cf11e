# All structs of the kernel: what the reference keeps in the classes of its files, named the same.
#
# Times are microseconds, numbers extended unless a name says otherwise. -1 stands for an absent id, path or
# payload type. Memory is the plane's own; who holds a Packet or a Blob counts in its ``refs``.

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "checks.h" nogil:
    void check "rtpfwd_check"(bint condition)

include "tables_numbers.pxi"
include "tables_packet.pxi"
include "tables_receive.pxi"
include "tables_send.pxi"
include "tables_plane.pxi"
