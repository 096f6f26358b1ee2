// Preloaded into the command by the tests (Tests/EbbCommandTests/FaultTests.swift): counts the calls that
// change a file, and lets one of them fail or ends the process there.
//
//   EBB_FAULT_KIND   full: from that call on there is no space; error: that call fails with EIO;
//                    kill: the process is killed before that call; count: none of it
//   EBB_FAULT_AT     which call, from 1
//   EBB_FAULT_COUNT  a file to write the number of calls to when the process exits
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long calls;
static long at;
static enum { COUNT, FULL, ERROR, KILL } kind;

__attribute__((constructor)) static void begin(void) {
  const char *name = getenv("EBB_FAULT_KIND"), *place = getenv("EBB_FAULT_AT");
  at = place ? atol(place) : 0;
  if (name && !strcmp(name, "full")) kind = FULL;
  if (name && !strcmp(name, "error")) kind = ERROR;
  if (name && !strcmp(name, "kill")) kind = KILL;
}

__attribute__((destructor)) static void end(void) {
  const char *path = getenv("EBB_FAULT_COUNT");
  if (!path) return;
  char text[32];
  int length = snprintf(text, sizeof text, "%ld\n", (long)calls);
  long file = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  syscall(SYS_write, file, text, (size_t)length);
  syscall(SYS_close, file);
}

// The error that a call gives; 0: it is made. A full disk still renames and removes.
static int fault(int needs_space) {
  long now = atomic_fetch_add(&calls, 1) + 1;
  if (kind == KILL && now == at) raise(SIGKILL);
  if (kind == ERROR && now == at) return EIO;
  if (kind == FULL && now >= at && needs_space) return ENOSPC;
  return 0;
}

#define TRY(needs_space)                                                                                \
  do {                                                                                                 \
    int code = fault(needs_space);                                                                     \
    if (code) {                                                                                        \
      errno = code;                                                                                    \
      return -1;                                                                                       \
    }                                                                                                  \
  } while (0)

// Only files: not what is printed, nor devices.
static int is_file(int descriptor) {
  struct stat status;
  return descriptor > 2 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
}

static int opened(const char *path, int flags, mode_t mode) {
  struct stat status;
  if (flags & O_CREAT && lstat(path, &status) != 0) TRY(1);
  return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static mode_t mode_of(int flags, va_list list) { return flags & O_CREAT ? va_arg(list, mode_t) : 0; }

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = mode_of(flags, list);
  va_end(list);
  return opened(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = mode_of(flags, list);
  va_end(list);
  return opened(path, flags, mode);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (is_file(descriptor)) TRY(1);
  return syscall(SYS_write, descriptor, bytes, count);
}

int fsync(int descriptor) {
  if (is_file(descriptor)) TRY(1);
  return (int)syscall(SYS_fsync, descriptor);
}

int ftruncate(int descriptor, off_t size) {
  TRY(0);
  return (int)syscall(SYS_ftruncate, descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
  TRY(0);
  return (int)syscall(SYS_ftruncate, descriptor, size);
}

int rename(const char *from, const char *to) {
  TRY(0);
  return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

int link(const char *from, const char *to) {
  TRY(1);
  return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path) {
  struct stat status;
  if (lstat(path, &status) == 0) TRY(0);
  return unlinkat(AT_FDCWD, path, 0);
}

int mkdir(const char *path, mode_t mode) {
  struct stat status;
  if (lstat(path, &status) != 0) TRY(1);
  return mkdirat(AT_FDCWD, path, mode);
}

int rmdir(const char *path) {
  struct stat status;
  if (lstat(path, &status) == 0) TRY(0);
  return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}
