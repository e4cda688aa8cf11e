# Twin of drivers/udp.py for the kernel's own thread: recvmmsg with GRO, sendmmsg with GSO, each errno counted.

cdef extern from "sockets.h" nogil:
    ctypedef struct Address "struct rtpfwd_address":
        uint32_t local
        uint32_t size
        uint8_t bytes[28]
    ctypedef struct Inbox "struct rtpfwd_inbox":
        pass
    ctypedef struct Outbox "struct rtpfwd_outbox":
        pass
    int inbox_open "rtpfwd_inbox_open"(Inbox** inbox, int* sockets, int count)
    void inbox_close "rtpfwd_inbox_close"(Inbox* inbox)
    int inbox_take "rtpfwd_inbox_take"(Inbox* inbox, int descriptor)
    int inbox_receive "rtpfwd_inbox_receive"(Inbox* inbox, int socket)
    int inbox_message "rtpfwd_inbox_message"(Inbox* inbox, int index, uint8_t** data, int* segment, Address** source)
    int outbox_open "rtpfwd_outbox_open"(Outbox** outbox, int* sockets, int count)
    void outbox_close "rtpfwd_outbox_close"(Outbox* outbox)
    int outbox_put "rtpfwd_outbox_put"(Outbox* outbox, const Address* to, uint8_t* data, int size, int more)
    void outbox_send "rtpfwd_outbox_send"(Outbox* outbox)
    int64_t* inbox_counts "rtpfwd_inbox_counts"(Inbox* inbox)
    int64_t* outbox_counts "rtpfwd_outbox_counts"(Outbox* outbox)
    int address_of "rtpfwd_address_of"(Address* address, int local, const char* host, int port, unsigned int flow, unsigned int scope)
    int address_text "rtpfwd_address_text"(const Address* address, char* host, int size, int* port, unsigned int* flow, unsigned int* scope)
    uint64_t address_hash "rtpfwd_address_hash"(const Address* address)
    int64_t monotonic_us "rtpfwd_monotonic_us"()
    int wait_readable "rtpfwd_wait"(int* sockets, int count, int wake, int64_t timeout_us, uint8_t* ready)
    void sleep_us "rtpfwd_sleep"(int64_t us)
    void prefer_thread "rtpfwd_prefer_thread"()
    int make_eventfd "rtpfwd_eventfd"()
    void ring_bell "rtpfwd_ring"(int eventfd)
    void hear_bell "rtpfwd_hear"(int eventfd)
    void close_fd "close"(int fd)
