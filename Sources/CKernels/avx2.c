// The kernels for x86-64 with AVX2 and FMA: the same sources, compiled for that set function by
// function, so that no compiler flag is needed; and a hand-written tile for the matrix product.
#if defined(__x86_64__)

#define EBB_AVX2 1

#include <immintrin.h>

#include "instruction_sets.h"

#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)

#include "avx2_tile.h"
#include "table.h"

#pragma STDC FP_CONTRACT OFF

float ebb_scalar_avx2(int operation, float a, float b, float c) {
  return ebb_scalar_operation(operation, a, b, c);
}

#pragma clang attribute pop

const ebb_kernels ebb_kernels_avx2 = EBB_KERNELS_TABLE("avx2");

#endif
