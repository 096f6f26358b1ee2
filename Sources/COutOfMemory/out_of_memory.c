#include "ebb_out_of_memory.h"

// Also defines __GLIBC__ where that is the library.
#include <stdlib.h>

// Where the system gives no more memory, Swift's own allocation ends the process by a signal with a list
// of addresses, of which nobody learns what to do. The command foresees most of it (MemoryNeed); for the
// rest the C library's allocation ends it here, with a sentence and status 1. Blocks that are asked for
// with posix_memalign are not concerned: who asks for those has something better to say.
//
// The library has no part in this: other programs decide for themselves.

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define EBB_OWN_ALLOCATION 1
#endif
#endif

#if defined(__GLIBC__) && !defined(EBB_OWN_ALLOCATION)
#include <string.h>
#include <unistd.h>

static const char *advice = "";

void ebb_end_without_memory(const char *sentence) { advice = sentence; }

// No function that might ask for memory itself.
static void say(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

__attribute__((noinline, cold, noreturn)) static void end(size_t bytes) {
  char digits[24];
  char *first = digits + sizeof digits - 1;
  *first = 0;
  size_t rest = bytes < 1000000 ? (bytes + 999) / 1000 : bytes / 1000000;
  do *--first = (char)('0' + rest % 10);
  while ((rest /= 10) > 0);
  say("error: there is no more memory (");
  say(first);
  say(bytes < 1000000 ? " kB" : " MB");
  say(" were asked for)");
  say(advice);
  say("\n");
  _exit(1);
}

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t number, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

// Weak: a program that contains its C library has that one's own, and the signal.

__attribute__((weak)) void *malloc(size_t size) {
  void *memory = __libc_malloc(size);
  if (__builtin_expect(memory == NULL, 0)) end(size);
  return memory;
}

__attribute__((weak)) void *calloc(size_t number, size_t size) {
  void *memory = __libc_calloc(number, size);
  if (__builtin_expect(memory == NULL, 0)) end(number * size);
  return memory;
}

__attribute__((weak)) void *realloc(void *memory, size_t size) {
  void *moved = __libc_realloc(memory, size);
  // Nothing is also the answer to a size of nothing.
  if (__builtin_expect(moved == NULL && size > 0, 0)) end(size);
  return moved;
}
#else
void ebb_end_without_memory(const char *sentence) { (void)sentence; }
#endif
