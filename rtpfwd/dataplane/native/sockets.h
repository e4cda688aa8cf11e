/* The system calls of the kernel's thread: what Cython cannot say well (cmsg macros, mmsghdr).
 *
 * Limits seen on Linux: 64 segments and 65000 bytes go into one GSO message; all segments of one have the same
 * size but the last. Counts are by errno, so that no failure is without a name. */
#ifndef RTPFWD_SOCKETS_H
#define RTPFWD_SOCKETS_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

enum {
    RTPFWD_SOCKETS = 16,
    RTPFWD_IN = 32,
    RTPFWD_IN_SIZE = 65536,
    RTPFWD_OUT = 1024,
    RTPFWD_SEGMENTS = 64,
    RTPFWD_GSO_BYTES = 65000,
    RTPFWD_ERRNOS = 140,
    /* places in the counts */
    RTPFWD_DATAGRAMS = 0,
    RTPFWD_BYTES = 1,
    RTPFWD_CALLS = 2,
    RTPFWD_MESSAGES = 3,
    RTPFWD_ERRORS = 4,
    RTPFWD_COUNTS = 4 + 140
};

struct rtpfwd_address { /* of one local socket (by index), and the peer's sockaddr_in or sockaddr_in6 */
    uint32_t local;
    uint32_t size;
    uint8_t bytes[28];
};

static inline void rtpfwd_count_error(int64_t *counts, int number, int64_t times) {
    counts[RTPFWD_ERRORS + (number > 0 && number < RTPFWD_ERRNOS ? number : 0)] += times;
}

/* Without fragments Linux need not look for an unused IP identification, which is a tenth of a microsecond a
 * packet. Where a path turns out to be too narrow (EMSGSIZE), the socket goes back to the system's default. */
static inline void rtpfwd_fragments(int descriptor, int allowed) {
    int wanted = allowed ? IP_PMTUDISC_WANT : IP_PMTUDISC_DO;
    (void)setsockopt(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, &wanted, sizeof wanted);
}

/* -- receiving ------------------------------------------------------------------------------------------- */

struct rtpfwd_inbox {
    int sockets[RTPFWD_SOCKETS];
    struct mmsghdr messages[RTPFWD_IN];
    struct iovec parts[RTPFWD_IN];
    struct rtpfwd_address sources[RTPFWD_IN];
    union {
        char space[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control[RTPFWD_IN];
    uint8_t *data;
    int64_t counts[RTPFWD_COUNTS];
};

static inline int rtpfwd_inbox_open(struct rtpfwd_inbox **made, int *sockets, int count) {
    struct rtpfwd_inbox *inbox = calloc(1, sizeof *inbox);
    int one = 1;
    if (inbox == NULL) return 0;
    inbox->data = malloc((size_t)RTPFWD_IN * RTPFWD_IN_SIZE);
    if (inbox->data == NULL) {
        free(inbox);
        return 0;
    }
    for (int i = 0; i < count && i < RTPFWD_SOCKETS; i++) {
        inbox->sockets[i] = sockets[i];
        (void)setsockopt(sockets[i], IPPROTO_UDP, UDP_GRO, &one, sizeof one); /* an old Linux has none */
        rtpfwd_fragments(sockets[i], 0);
    }
    *made = inbox;
    return 1;
}

static inline void rtpfwd_inbox_close(struct rtpfwd_inbox *inbox) {
    if (inbox != NULL) {
        free(inbox->data);
        free(inbox);
    }
}

static inline int rtpfwd_inbox_take(struct rtpfwd_inbox *inbox, int descriptor) {
    int got;
    for (int i = 0; i < RTPFWD_IN; i++) {
        inbox->parts[i].iov_base = inbox->data + (size_t)i * RTPFWD_IN_SIZE;
        inbox->parts[i].iov_len = RTPFWD_IN_SIZE;
        struct msghdr *header = &inbox->messages[i].msg_hdr;
        memset(header, 0, sizeof *header);
        header->msg_name = inbox->sources[i].bytes;
        header->msg_namelen = sizeof inbox->sources[i].bytes;
        header->msg_iov = &inbox->parts[i];
        header->msg_iovlen = 1;
        header->msg_control = inbox->control[i].space;
        header->msg_controllen = sizeof inbox->control[i].space;
    }
    got = recvmmsg(descriptor, inbox->messages, RTPFWD_IN, MSG_DONTWAIT, NULL);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR) rtpfwd_count_error(inbox->counts, errno, 1);
        return 0;
    }
    inbox->counts[RTPFWD_CALLS]++;
    return got;
}

/* How many messages came, each of one or more datagrams of one sender. */
static inline int rtpfwd_inbox_receive(struct rtpfwd_inbox *inbox, int socket) {
    int got = rtpfwd_inbox_take(inbox, inbox->sockets[socket]);
    for (int i = 0; i < got; i++) {
        inbox->sources[i].local = (uint32_t)socket;
        inbox->sources[i].size = inbox->messages[i].msg_hdr.msg_namelen;
    }
    return got;
}

/* The bytes of a message; ``segment`` is the size of each datagram in it (the last may be shorter). */
static inline int rtpfwd_inbox_message(
    struct rtpfwd_inbox *inbox, int index, uint8_t **data, int *segment, struct rtpfwd_address **source) {
    struct msghdr *header = &inbox->messages[index].msg_hdr;
    int size = (int)inbox->messages[index].msg_len;
    *segment = size;
    for (struct cmsghdr *one = CMSG_FIRSTHDR(header); one != NULL; one = CMSG_NXTHDR(header, one)) {
        if (one->cmsg_level == IPPROTO_UDP && one->cmsg_type == UDP_GRO) {
            int value;
            memcpy(&value, CMSG_DATA(one), sizeof value);
            if (value > 0) *segment = value;
        }
    }
    *data = inbox->data + (size_t)index * RTPFWD_IN_SIZE;
    *source = &inbox->sources[index];
    return size;
}

static inline int64_t *rtpfwd_inbox_counts(struct rtpfwd_inbox *inbox) { return inbox->counts; }

/* -- sending --------------------------------------------------------------------------------------------- */

struct rtpfwd_outbox {
    int sockets[RTPFWD_SOCKETS];
    int gso;
    int messages_used, parts_used;
    int local; /* whose messages these are */
    int run_size, run_closed;
    struct mmsghdr messages[RTPFWD_OUT];
    struct iovec parts[RTPFWD_OUT * 4];
    struct rtpfwd_address to[RTPFWD_OUT];
    uint16_t segment[RTPFWD_OUT];
    int32_t total[RTPFWD_OUT];
    union {
        char space[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr align;
    } control[RTPFWD_OUT];
    int64_t counts[RTPFWD_COUNTS];
};

static inline int rtpfwd_outbox_open(struct rtpfwd_outbox **made, int *sockets, int count) {
    struct rtpfwd_outbox *outbox = calloc(1, sizeof *outbox);
    if (outbox == NULL) return 0;
    outbox->gso = 1;
    for (int i = 0; i < count && i < RTPFWD_SOCKETS; i++) outbox->sockets[i] = sockets[i];
    *made = outbox;
    return 1;
}

static inline void rtpfwd_outbox_close(struct rtpfwd_outbox *outbox) { free(outbox); }

static inline int64_t *rtpfwd_outbox_counts(struct rtpfwd_outbox *outbox) { return outbox->counts; }

static inline void rtpfwd_sent(struct rtpfwd_outbox *outbox, struct msghdr *header, int64_t bytes) {
    outbox->counts[RTPFWD_DATAGRAMS] += (int64_t)header->msg_iovlen;
    outbox->counts[RTPFWD_BYTES] += bytes;
    outbox->counts[RTPFWD_MESSAGES]++;
}

/* One message that failed: its datagrams one by one where GSO may be the reason, else lost and counted. */
static inline void rtpfwd_failed(struct rtpfwd_outbox *outbox, struct mmsghdr *message, int number) {
    struct msghdr *header = &message->msg_hdr;
    size_t count = header->msg_iovlen;
    if (number == EMSGSIZE) rtpfwd_fragments(outbox->sockets[outbox->local], 1);
    if ((count > 1 || number == EMSGSIZE) && (number == EIO || number == EINVAL || number == EMSGSIZE || number == EOPNOTSUPP)) {
        struct iovec *parts = header->msg_iov;
        if (number == EIO) outbox->gso = 0; /* a device without checksum offload */
        header->msg_control = NULL;
        header->msg_controllen = 0;
        header->msg_iovlen = 1;
        for (size_t i = 0; i < count; i++) {
            header->msg_iov = &parts[i];
            ssize_t sent = sendmsg(outbox->sockets[outbox->local], header, MSG_DONTWAIT | MSG_NOSIGNAL);
            if (sent >= 0)
                rtpfwd_sent(outbox, header, sent);
            else
                rtpfwd_count_error(outbox->counts, errno, 1);
        }
        return;
    }
    rtpfwd_count_error(outbox->counts, number, (int64_t)count);
}

static inline void rtpfwd_outbox_send(struct rtpfwd_outbox *outbox) {
    int done = 0;
    while (done < outbox->messages_used) {
        int sent = sendmmsg(
            outbox->sockets[outbox->local], outbox->messages + done, (unsigned)(outbox->messages_used - done),
            MSG_DONTWAIT | MSG_NOSIGNAL);
        outbox->counts[RTPFWD_CALLS]++;
        if (sent > 0) {
            for (int i = done; i < done + sent; i++)
                rtpfwd_sent(outbox, &outbox->messages[i].msg_hdr, outbox->total[i]);
            done += sent; /* where that is fewer than asked, the next call tells the errno */
        } else if (sent < 0 && errno == EINTR) {
            continue;
        } else {
            rtpfwd_failed(outbox, &outbox->messages[done], sent < 0 ? errno : EIO);
            done++;
        }
    }
    outbox->messages_used = outbox->parts_used = 0;
    outbox->run_closed = 1;
}

/* Add a datagram; ``more``: it goes where the last one went, and may join its message. */
static inline int rtpfwd_outbox_put(
    struct rtpfwd_outbox *outbox, const struct rtpfwd_address *to, uint8_t *data, int size, int more) {
    struct msghdr *header;
    int index;
    if ((int)to->local != outbox->local) {
        if (outbox->messages_used) rtpfwd_outbox_send(outbox);
        outbox->local = (int)to->local;
        more = 0;
    }
    if (outbox->parts_used == RTPFWD_OUT * 4) rtpfwd_outbox_send(outbox);
    index = outbox->messages_used - 1;
    if (more && index >= 0 && outbox->gso && !outbox->run_closed && size <= outbox->segment[index] &&
        outbox->messages[index].msg_hdr.msg_iovlen < RTPFWD_SEGMENTS &&
        outbox->total[index] + size <= RTPFWD_GSO_BYTES) {
        header = &outbox->messages[index].msg_hdr;
        if (header->msg_iovlen == 1) {
            struct cmsghdr *one;
            header->msg_control = outbox->control[index].space;
            header->msg_controllen = sizeof outbox->control[index].space;
            one = CMSG_FIRSTHDR(header);
            one->cmsg_level = IPPROTO_UDP;
            one->cmsg_type = UDP_SEGMENT;
            one->cmsg_len = CMSG_LEN(sizeof(uint16_t));
            memcpy(CMSG_DATA(one), &outbox->segment[index], sizeof(uint16_t));
        }
        outbox->run_closed = size < outbox->segment[index];
    } else {
        if (outbox->messages_used == RTPFWD_OUT) rtpfwd_outbox_send(outbox);
        index = outbox->messages_used++;
        header = &outbox->messages[index].msg_hdr;
        memset(header, 0, sizeof *header);
        outbox->to[index] = *to;
        header->msg_name = outbox->to[index].bytes;
        header->msg_namelen = to->size;
        header->msg_iov = &outbox->parts[outbox->parts_used];
        outbox->segment[index] = (uint16_t)size;
        outbox->total[index] = 0;
        outbox->run_closed = 0;
    }
    outbox->parts[outbox->parts_used].iov_base = data;
    outbox->parts[outbox->parts_used].iov_len = (size_t)size;
    outbox->parts_used++;
    header->msg_iovlen++;
    outbox->total[index] += size;
    return 1;
}

/* -- addresses ------------------------------------------------------------------------------------------- */

static inline int rtpfwd_address_of(
    struct rtpfwd_address *address, int local, const char *host, int port, unsigned flow, unsigned scope) {
    struct sockaddr_in *four = (struct sockaddr_in *)address->bytes;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)address->bytes;
    char text[64];
    size_t length = strcspn(host, "%");
    memset(address, 0, sizeof *address);
    address->local = (uint32_t)local;
    if (length >= sizeof text || local < 0 || local >= RTPFWD_SOCKETS) return 0;
    memcpy(text, host, length);
    text[length] = 0;
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons((uint16_t)port);
        address->size = sizeof *four;
        return 1;
    }
    memset(address->bytes, 0, sizeof address->bytes);
    if (inet_pton(AF_INET6, text, &six->sin6_addr) == 1) {
        six->sin6_family = AF_INET6;
        six->sin6_port = htons((uint16_t)port);
        six->sin6_flowinfo = htonl(flow);
        six->sin6_scope_id = scope;
        address->size = sizeof *six;
        return 1;
    }
    return 0;
}

static inline int rtpfwd_address_text(
    const struct rtpfwd_address *address, char *host, int size, int *port, unsigned *flow, unsigned *scope) {
    const struct sockaddr_in *four = (const struct sockaddr_in *)address->bytes;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address->bytes;
    *flow = *scope = 0;
    *port = ntohs(four->sin_port);
    if (four->sin_family == AF_INET6) {
        *flow = ntohl(six->sin6_flowinfo);
        *scope = six->sin6_scope_id;
    }
    return getnameinfo((const struct sockaddr *)address->bytes, address->size, host, (socklen_t)size, NULL, 0,
                       NI_NUMERICHOST) == 0;
}

static inline uint64_t rtpfwd_address_hash(const struct rtpfwd_address *address) {
    uint64_t hash = 0xcbf29ce484222325u ^ address->local;
    for (uint32_t i = 0; i < address->size; i++) hash = (hash ^ address->bytes[i]) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

/* -- time and waking ------------------------------------------------------------------------------------- */

static inline int64_t rtpfwd_monotonic_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static inline int64_t rtpfwd_cpu_us(pthread_t thread) {
    clockid_t clock;
    struct timespec used;
    if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &used) != 0) return 0;
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

static inline int rtpfwd_wait(int *sockets, int count, int wake, int64_t timeout_us, uint8_t *ready) {
    struct pollfd fds[RTPFWD_SOCKETS + 1];
    struct timespec timeout;
    int found;
    for (int i = 0; i < count; i++) fds[i] = (struct pollfd){sockets[i], POLLIN, 0};
    fds[count] = (struct pollfd){wake, POLLIN, 0};
    timeout.tv_sec = timeout_us / 1000000;
    timeout.tv_nsec = timeout_us % 1000000 * 1000;
    found = ppoll(fds, (nfds_t)count + 1, timeout_us < 0 ? NULL : &timeout, NULL);
    for (int i = 0; i <= count; i++) ready[i] = found > 0 && fds[i].revents != 0;
    return found;
}

static inline void rtpfwd_sleep(int64_t us) {
    struct timespec pause = {us / 1000000, us % 1000000 * 1000};
    nanosleep(&pause, NULL);
}

/* Of this thread: timers to the microsecond, and where the system permits it, a place before other work. */
static inline void rtpfwd_prefer_thread(void) {
    (void)prctl(PR_SET_TIMERSLACK, 1000UL);
    (void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), -10);
}

static inline int rtpfwd_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

static inline void rtpfwd_ring(int fd) {
    uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
}

static inline void rtpfwd_hear(int fd) {
    uint64_t value;
    ssize_t ignored = read(fd, &value, sizeof value);
    (void)ignored;
}
#endif
