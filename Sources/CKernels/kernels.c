// The doors: which kernels this machine runs, and the entry points that are not in their table.
#include "instruction_sets.h"
#include "matmul_layout.h"
#include "philox.h"

#pragma STDC FP_CONTRACT OFF

static bool ebb_has_avx2(void) {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

static bool ebb_same_name(const char *a, const char *b) {
  while (*a != 0 && *a == *b) {
    a++;
    b++;
  }
  return *a == *b;
}

const ebb_kernels *_Nullable ebb_kernels_named(const char *name) {
  if (ebb_same_name(name, "portable")) return &ebb_kernels_portable;
#if defined(__x86_64__)
  if (ebb_same_name(name, "avx2") && ebb_has_avx2()) return &ebb_kernels_avx2;
#endif
  return 0;
}

const ebb_kernels *ebb_kernels_best(void) {
#if defined(__x86_64__)
  if (ebb_has_avx2()) return &ebb_kernels_avx2;
#endif
  return &ebb_kernels_portable;
}

int64_t ebb_matmul_workspace(int64_t m, int64_t n, int64_t k) {
  if (m <= 0 || n <= 0 || k <= 0) return 0;
  // With strides for which a would be packed, if it ever is.
  return EBB_B_WORKSPACE + (ebb_packs_a(m, n, k, 1, m) ? EBB_A_WORKSPACE : 0);
}

bool ebb_matmul_packs_a(int64_t m, int64_t n, int64_t k, int64_t a_row, int64_t a_column) {
  return ebb_packs_a(m, n, k, a_row, a_column);
}

float ebb_scalar(ebb_operation operation, float a, float b, float c) {
#if defined(__x86_64__)
  if (ebb_has_avx2()) return ebb_scalar_avx2((int)operation, a, b, c);
#endif
  return ebb_scalar_portable((int)operation, a, b, c);
}

void ebb_prefetch_rows(const float *table, int64_t table_rows, const int32_t *indices, int64_t rows,
                       int64_t width) {
  for (int64_t r = 0; r < rows; r++) {
    if (indices[r] < 0 || indices[r] >= table_rows) continue;
    const float *row = table + indices[r] * width;
    for (int64_t i = 0; i < width; i += 16) __builtin_prefetch(row + i);
  }
}

void ebb_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4]) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
  ebb_philox_rounds(&c0, &c1, &c2, &c3, key[0], key[1]);
  words[0] = c0;
  words[1] = c1;
  words[2] = c2;
  words[3] = c3;
}
