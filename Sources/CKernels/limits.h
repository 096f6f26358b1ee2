// The most multiply-adds a core can do: what the products are measured against.
#ifndef EBB_LIMITS_H
#define EBB_LIMITS_H

#include "arithmetic.h"

#pragma STDC FP_CONTRACT OFF

/// Twelve independent sums of eight, enough to cover the latency of the fused multiply-add;
/// nothing is loaded. 192 operations a turn.
static float ebb_multiply_adds_run(int64_t turns) {
#if defined(EBB_AVX2)
  __m256 sums[12];
  for (int s = 0; s < 12; s++) sums[s] = _mm256_set1_ps((float)s);
  const __m256 left = _mm256_set1_ps(0.999f), right = _mm256_set1_ps(0.001f);
  for (int64_t turn = 0; turn < turns; turn++) {
#pragma clang loop unroll(full)
    for (int s = 0; s < 12; s++) sums[s] = _mm256_fmadd_ps(sums[s], left, right);
  }
  float total = 0.0f;
  for (int s = 0; s < 12; s++) total += _mm256_cvtss_f32(sums[s]);
  return total;
#else
  float sums[96];
  for (int s = 0; s < 96; s++) sums[s] = (float)s;
  for (int64_t turn = 0; turn < turns; turn++) {
    EBB_LOOP for (int s = 0; s < 96; s++) sums[s] = ebb_fma(sums[s], 0.999f, 0.001f);
  }
  float total = 0.0f;
  for (int s = 0; s < 96; s++) total += sums[s];
  return total;
#endif
}

#endif
