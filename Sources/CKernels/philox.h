// Philox 4x32-10, the counter-based generator under all of Ebb's randomness (Salmon, Moraes,
// Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; 2011).
#ifndef EBB_PHILOX_H
#define EBB_PHILOX_H

#include "arithmetic.h"

/// Ten rounds on the counter (c0, c1, c2, c3) under the key (k0, k1), in place.
EBB_INLINE void ebb_philox_rounds(uint32_t *c0, uint32_t *c1, uint32_t *c2, uint32_t *c3,
                                  uint32_t k0, uint32_t k1) {
#pragma clang loop unroll(full)
  for (int round = 0; round < 10; round++) {
    const uint64_t first = (uint64_t)0xd2511f53u * *c0;
    const uint64_t second = (uint64_t)0xcd9e8d57u * *c2;
    *c0 = (uint32_t)(second >> 32) ^ *c1 ^ k0;
    *c1 = (uint32_t)second;
    *c2 = (uint32_t)(first >> 32) ^ *c3 ^ k1;
    *c3 = (uint32_t)first;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
}

#endif
