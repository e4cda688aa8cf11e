/* Bounds checks of the debug build (CFLAGS=-DRTPFWD_CHECKS): stop at once, where it happened. */
#ifndef RTPFWD_CHECKS_H
#define RTPFWD_CHECKS_H
#ifdef RTPFWD_CHECKS
#include <stdio.h>
#include <stdlib.h>
#define rtpfwd_check(condition)                                                        \
    do {                                                                               \
        if (!(condition)) {                                                            \
            fprintf(stderr, "rtpfwd: %s is false at %s:%d\n", #condition, __FILE__, __LINE__); \
            abort();                                                                   \
        }                                                                              \
    } while (0)
#else
#define rtpfwd_check(condition) ((void)0)
#endif
#endif
