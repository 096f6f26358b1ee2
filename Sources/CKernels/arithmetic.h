// The ground floor of the kernels: bits of a float, exact fused multiply-add, and the
// contract's maximum and minimum. Included by every instruction set's file; everything here
// is inlined into code that clang then vectorises for that set.
#ifndef EBB_ARITHMETIC_H
#define EBB_ARITHMETIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(EBB_AVX2)
#include <immintrin.h>
#endif

#pragma STDC FP_CONTRACT OFF

#define EBB_INLINE static inline __attribute__((always_inline))

// Where the hardware fuses, the built-in is one instruction. Elsewhere we do not call libm:
// a call cannot be vectorised, and some libraries take 20 ns for it.
#if defined(EBB_AVX2) || defined(__FMA__) || defined(__FP_FAST_FMAF) || defined(__aarch64__)
#define EBB_HAS_FMA 1
#else
#define EBB_HAS_FMA 0
#endif

// Loops over elements are independent even where the output is exactly an input's memory:
// each element is read before it is written. That is more than `restrict` allows to say, so
// the promise is made per loop. Two vectors of eight per turn: sixteen elements.
#if defined(EBB_AVX2)
#define EBB_LOOP \
  _Pragma("clang loop vectorize(assume_safety) vectorize_width(8) interleave_count(2)")
#else
#define EBB_LOOP \
  _Pragma("clang loop vectorize(assume_safety) vectorize_width(4) interleave_count(4)")
#endif

EBB_INLINE uint32_t ebb_bits(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

EBB_INLINE float ebb_from_bits(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

EBB_INLINE uint64_t ebb_bits_wide(double x) {
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}

EBB_INLINE double ebb_from_bits_wide(uint64_t bits) {
  double x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

EBB_INLINE float ebb_absolute(float x) { return ebb_from_bits(ebb_bits(x) & 0x7fffffffu); }

EBB_INLINE float ebb_negated(float x) { return ebb_from_bits(ebb_bits(x) ^ 0x80000000u); }

/// |magnitude| with the sign of `sign`; magnitude must not be negative.
EBB_INLINE float ebb_with_sign(float magnitude, float sign) {
  return ebb_from_bits(ebb_bits(magnitude) | (ebb_bits(sign) & 0x80000000u));
}

/// a * b + c, rounded once.
EBB_INLINE float ebb_fma(float a, float b, float c) {
#if EBB_HAS_FMA
  return __builtin_elementwise_fma(a, b, c);
#else
  // The product is exact in double. The sum is rounded to odd (the last bit set when
  // inexact), after which rounding to float is as if from the exact value: 53 >= 24 + 2.
  const double product = (double)a * (double)b;
  const double addend = (double)c;
  const double sum = product + addend;
  const double virtual_addend = sum - product;
  const double error = (product - (sum - virtual_addend)) + (addend - virtual_addend);
  const uint64_t bits = ebb_bits_wide(sum);
  // A NaN error (an infinite sum) is neither above nor below zero: left alone.
  const uint64_t above = error > 0 ? 1 : 0;
  const uint64_t below = error < 0 ? 1 : 0;
  const uint64_t even = (above | below) & ~bits & 1;
  const uint64_t away = sum > 0 ? above : below;
  const uint64_t odd = bits + even * (2 * away) - even;
  return (float)ebb_from_bits_wide(odd);
#endif
}

/// Correctly rounded; never the library call that sets errno.
EBB_INLINE float ebb_sqrt(float x) { return __builtin_elementwise_sqrt(x); }

EBB_INLINE float ebb_maximum(float a, float b) { return a > b ? a : (a <= b ? b : a + b); }

EBB_INLINE float ebb_minimum(float a, float b) { return a < b ? a : (a >= b ? b : a + b); }

/// Sixteen unaligned floats: one group of lanes.
typedef float ebb_group __attribute__((ext_vector_type(16)));

EBB_INLINE void ebb_load_group(ebb_group *group, const float *x) {
  __builtin_memcpy(group, x, sizeof *group);
}

EBB_INLINE void ebb_store_group(float *x, const ebb_group *group) {
  __builtin_memcpy(x, group, sizeof *group);
}

// The last, partial group of a list: 0 < count < 16. Nothing beyond the list is touched. With
// AVX2 by masks and partial stores, since a copy of unknown length is a call and then a stalled load.

#if defined(EBB_AVX2)
/// All ones in the first `count` of eight lanes.
EBB_INLINE __m256i ebb_lane_mask(int64_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes);
}

/// Stores the first `count` of eight lanes; all of them from 8 on, none below 1. In parts: a masked
/// store is tens of micro-operations on AMD's processors.
EBB_INLINE void ebb_store_lanes(float *x, __m256 lanes, int64_t count) {
  if (count >= 8) {
    _mm256_storeu_ps(x, lanes);
  } else if (count > 0) {
    __m128 part = _mm256_castps256_ps128(lanes);
    if (count & 4) {
      _mm_storeu_ps(x, part);
      part = _mm256_extractf128_ps(lanes, 1);
      x += 4;
    }
    if (count & 2) {
      _mm_storel_pi((__m64 *)x, part);
      part = _mm_movehl_ps(part, part);
      x += 2;
    }
    if (count & 1) _mm_store_ss(x, part);
  }
}
#endif

/// y[0 ..< 16] = x[0 ..< count], then `fill`.
EBB_INLINE void ebb_load_part(float *y, const float *x, int64_t count, float fill) {
#if defined(EBB_AVX2)
  const __m256i low = ebb_lane_mask(count), high = ebb_lane_mask(count - 8);
  const __m256 rest = _mm256_set1_ps(fill);
  // Masked-out lanes may lie on a page that is not ours; the instruction does not touch them.
  _mm256_storeu_ps(y, _mm256_blendv_ps(rest, _mm256_maskload_ps(x, low),
                                       _mm256_castsi256_ps(low)));
  _mm256_storeu_ps(y + 8, _mm256_blendv_ps(rest, _mm256_maskload_ps(x + 8, high),
                                           _mm256_castsi256_ps(high)));
#else
  for (int i = 0; i < 16; i++) y[i] = fill;
  __builtin_memcpy(y, x, (size_t)count * sizeof(float));
#endif
}

/// x[0 ..< count] = y[0 ..< count].
EBB_INLINE void ebb_store_part(float *x, const float *y, int64_t count) {
#if defined(EBB_AVX2)
  ebb_store_lanes(x, _mm256_loadu_ps(y), count);
  ebb_store_lanes(x + 8, _mm256_loadu_ps(y + 8), count - 8);
#else
  __builtin_memcpy(x, y, (size_t)count * sizeof(float));
#endif
}

#endif
