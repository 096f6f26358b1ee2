#include "ebb_arguments.h"

// Also defines __GLIBC__ where that is the library.
#include <stdlib.h>

// Swift reads a process's arguments from /proc/self/cmdline, and finds none where /proc is not mounted.
// glibc hands them to every constructor; other C libraries do not.

static int count;
static char **values;

#ifdef __GLIBC__
__attribute__((constructor)) static void keep(int argc, char **argv) {
  count = argc;
  values = argv;
}
#endif

int ebb_argument_count(void) { return count; }

const char *ebb_argument(int index) {
  return index >= 0 && index < count ? values[index] : NULL;
}
