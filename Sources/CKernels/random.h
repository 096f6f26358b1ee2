// Random numbers as a function of (seed, stream, step, element): Philox 4x32-10 (Salmon,
// Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3; 2011). There is no state, so
// any range of elements can be drawn by any thread in any order.
#ifndef EBB_RANDOM_H
#define EBB_RANDOM_H

#include "elementary.h"
#include "philox.h"

#pragma STDC FP_CONTRACT OFF

/// Counters that are drawn together; each gives four elements.
#define EBB_DRAWS 16

/// The words of EBB_DRAWS counters from `first` on: words[w][j] is word w of counter first + j.
static void ebb_draw(uint64_t seed, uint32_t stream, uint64_t step, uint32_t first,
                     uint32_t words[4][EBB_DRAWS]) {
  EBB_LOOP for (uint32_t j = 0; j < EBB_DRAWS; j++) {
    uint32_t c0 = first + j, c1 = stream, c2 = (uint32_t)step, c3 = (uint32_t)(step >> 32);
    ebb_philox_rounds(&c0, &c1, &c2, &c3, (uint32_t)seed, (uint32_t)(seed >> 32));
    words[0][j] = c0;
    words[1][j] = c1;
    words[2][j] = c2;
    words[3][j] = c3;
  }
}

static void ebb_random_words_run(uint64_t seed, uint32_t stream, uint64_t step, uint32_t first,
                                 uint32_t *y, int64_t blocks) {
  uint32_t words[4][EBB_DRAWS];
  for (int64_t b = 0; b < blocks; b += EBB_DRAWS) {
    ebb_draw(seed, stream, step, first + (uint32_t)b, words);
    const int64_t count = blocks - b < EBB_DRAWS ? blocks - b : EBB_DRAWS;
    for (int64_t j = 0; j < count; j++) {
      for (int w = 0; w < 4; w++) y[4 * (b + j) + w] = words[w][j];
    }
  }
}

/// The upper 24 bits as a number on [0, 1).
EBB_INLINE float ebb_unit(uint32_t word) { return (float)(int32_t)(word >> 8) * 0x1p-24f; }

/// Four rows of draws, interleaved: value[w][j] is element 4 * j + w.
EBB_INLINE void ebb_interleave(float value[4][EBB_DRAWS], float *y) {
  for (int j = 0; j < EBB_DRAWS; j++) {
    for (int w = 0; w < 4; w++) y[4 * j + w] = value[w][j];
  }
}

static void ebb_uniform_values(uint32_t words[4][EBB_DRAWS], float value[4][EBB_DRAWS]) {
  for (int w = 0; w < 4; w++) {
    EBB_LOOP for (int j = 0; j < EBB_DRAWS; j++) value[w][j] = ebb_unit(words[w][j]);
  }
}

static void ebb_normal_values(uint32_t words[4][EBB_DRAWS], float value[4][EBB_DRAWS]) {
  for (int w = 0; w < 4; w += 2) {
    EBB_LOOP for (int j = 0; j < EBB_DRAWS; j++) {
      // On (0, 1], so that the logarithm is finite.
      const float u = (float)(int32_t)((words[w][j] >> 8) + 1u) * 0x1p-24f;
      const float radius = ebb_sqrt(-2.0f * ebb_log(u));
      const float angle = ebb_unit(words[w + 1][j]) * 6.2831855f;
      value[w][j] = radius * ebb_cos(angle);
      value[w + 1][j] = radius * ebb_sin(angle);
    }
  }
}

EBB_INLINE void ebb_random_range(bool normal, uint64_t seed, uint32_t stream, uint64_t step,
                                 float *y, int64_t begin, int64_t end) {
  const int64_t span = 4 * EBB_DRAWS;
  uint32_t words[4][EBB_DRAWS];
  float value[4][EBB_DRAWS];
  float elements[4 * EBB_DRAWS];
  for (int64_t base = begin - begin % span; base < end; base += span) {
    ebb_draw(seed, stream, step, (uint32_t)(base / 4), words);
    if (normal) {
      ebb_normal_values(words, value);
    } else {
      ebb_uniform_values(words, value);
    }
    const int64_t low = base < begin ? begin : base;
    const int64_t high = base + span > end ? end : base + span;
    if (high - low == span) {
      ebb_interleave(value, y + base);
    } else {
      ebb_interleave(value, elements);
      __builtin_memcpy(y + low, elements + (low - base), (size_t)(high - low) * sizeof(float));
    }
  }
}

static void ebb_uniform_run(uint64_t seed, uint32_t stream, uint64_t step, float *y,
                            int64_t begin, int64_t end) {
  ebb_random_range(false, seed, stream, step, y, begin, end);
}

static void ebb_normal_run(uint64_t seed, uint32_t stream, uint64_t step, float *y,
                           int64_t begin, int64_t end) {
  ebb_random_range(true, seed, stream, step, y, begin, end);
}

#endif
