// Counts the memory allocations of the calling thread.
#ifndef ALLOCATION_COUNT_H
#define ALLOCATION_COUNT_H

#include <stdint.h>

/// Calls of malloc, calloc, realloc and aligned allocation so far in this thread; always 0 where the
/// C library does not let them be counted.
int64_t allocation_count(void);

#endif
