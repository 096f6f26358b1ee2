#ifndef EBB_OUT_OF_MEMORY_H
#define EBB_OUT_OF_MEMORY_H

/// From here on a process that gets no more memory ends with status 1 and a sentence on standard error;
/// where the C library is not glibc, by a signal as before.
///
/// - Parameter sentence: what is said after how much was asked for; it lives as long as the process.
void ebb_end_without_memory(const char *sentence);

#endif
