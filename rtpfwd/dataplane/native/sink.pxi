# No twin: the receiving end of a bench, which has to take as many datagrams as the kernel can send.


cdef class Sink:
    """Counts what arrives on UDP sockets (file descriptors), RTP and the rest, faster than Python could.

    ``poll`` takes what waits and returns the datagrams that are not RTP as (descriptor, bytes), with which a
    client answers: reports ask for nothing, so they are few.
    """

    cdef Inbox* inbox
    cdef readonly list sockets
    cdef readonly long long packets

    def __cinit__(self, sockets):
        cdef int none = 0
        self.sockets = list(sockets)
        self.packets = 0
        if not inbox_open(&self.inbox, &none, 0):
            raise MemoryError

    def __dealloc__(self):
        inbox_close(self.inbox)

    def poll(self, ready):
        """Take what waits on these of the sockets."""
        cdef int descriptor, count, index, size, segment, part
        cdef uint8_t* data
        cdef Address* source
        cdef list others = []
        for descriptor in ready:
            count = inbox_take(self.inbox, descriptor)
            for index in range(count):
                size = inbox_message(self.inbox, index, &data, &segment, &source)
                while size > 0:
                    part = size if size < segment else segment
                    if classify(data, part) == KIND_RTP:
                        self.packets += 1
                    else:
                        others.append((descriptor, PyBytes_FromStringAndSize(<const char*>data, part)))
                    data += part
                    size -= part
        return others
