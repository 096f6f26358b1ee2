// The processor's hint for a loop that waits for another core.
#ifndef EBB_PAUSE_H
#define EBB_PAUSE_H

static inline void ebb_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
