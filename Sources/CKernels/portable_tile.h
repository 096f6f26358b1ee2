// The inner loop of the matrix product in plain C with vectors of four: 4 x 16 sums, which fit
// the registers of arm64. Where the machine does not fuse, each multiply-add is computed exactly
// by hand: slow, and right.
#ifndef EBB_PORTABLE_TILE_H
#define EBB_PORTABLE_TILE_H

#include "matmul_layout.h"

#pragma STDC FP_CONTRACT OFF

#define EBB_TILE_ROWS 4
/// No tiles wider than a panel.
#define EBB_WIDE_ROWS 0

typedef float ebb_four __attribute__((ext_vector_type(4)));

EBB_INLINE ebb_four ebb_fma_four(float a, ebb_four b, ebb_four c) {
#if EBB_HAS_FMA
  return __builtin_elementwise_fma((ebb_four)a, b, c);
#else
  ebb_four sum;
  for (int l = 0; l < 4; l++) sum[l] = ebb_fma(a, b[l], c[l]);
  return sum;
#endif
}

/// One tile; the pointers are to its own rows.
EBB_INLINE void ebb_tile_body(const int rows, const ebb_tile *tile, const float *a, float *c, float *y,
                              const float *operand) {
  ebb_four sums[EBB_TILE_ROWS * 4];
#pragma clang loop unroll(full)
  for (int s = 0; s < rows * 4; s++) sums[s] = (ebb_four)0.0f;
  const float *b = tile->b;
  float *pack = tile->pack;
  for (int64_t t = 0; t < tile->terms; t++) {
    ebb_four right[4];
    __builtin_memcpy(right, b, sizeof right);
    if (pack) __builtin_memcpy(pack + t * EBB_PANEL, right, sizeof right);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      const float left = a[r * tile->a_row];
#pragma clang loop unroll(full)
      for (int v = 0; v < 4; v++) {
        sums[r * 4 + v] = ebb_fma_four(left, right[v], sums[r * 4 + v]);
      }
    }
    a += tile->a_column;
    b += tile->b_row;
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    float row[EBB_PANEL];
    __builtin_memcpy(row, &sums[r * 4], sizeof row);
    for (int j = 0; j < tile->columns; j++) {
      const float sum = tile->first ? row[j] : c[j] + row[j];
      switch (tile->ending) {
        case EBB_END_STORE: c[j] = sum; break;
        case EBB_END_DESCEND: y[j] = ebb_ended(EBB_END_DESCEND, sum, y[j], 0.0f, tile->rate); break;
        default: y[j] = ebb_ended(tile->ending, sum, 0.0f, operand[j], 0.0f); break;
      }
    }
    c += tile->c_row;
    if (tile->ending != EBB_END_STORE) {
      y += tile->y_row;
      operand += tile->operand_row;
    }
  }
}

/// Tiles of `rows` rows; panels are packed 16 wide whatever the width in use.
static void ebb_run_tile(int rows, int width, const ebb_tile *tile) {
  (void)width;
  for (int64_t g = 0; g < tile->groups; g++) {
    const int64_t row = g * rows;
    const float *a = tile->a + g * tile->a_group;
    float *c = tile->c + row * tile->c_row;
    float *y = tile->y + row * tile->y_row;
    const float *operand = tile->operand + row * tile->operand_row;
    switch (rows) {
      case 1: ebb_tile_body(1, tile, a, c, y, operand); break;
      case 2: ebb_tile_body(2, tile, a, c, y, operand); break;
      case 3: ebb_tile_body(3, tile, a, c, y, operand); break;
      default: ebb_tile_body(4, tile, a, c, y, operand); break;
    }
  }
}

/// Eight rows of eight, transposed: packed[t * packed_stride + j] = a[j * stride + t], in the order
/// of t, so that packed rows may overlap.
EBB_INLINE void ebb_transpose_eight(const float *a, int64_t stride, float *packed,
                                    int64_t packed_stride) {
  for (int t = 0; t < 8; t++) {
    for (int j = 0; j < 8; j++) packed[t * packed_stride + j] = a[j * stride + t];
  }
}

/// A full panel of a b whose terms are contiguous: packed[t * 16 + j] = b[j * stride + t].
static void ebb_pack_transposed(const float *b, int64_t stride, int64_t terms, float *packed) {
  for (int64_t t = 0; t < terms; t++) {
    for (int j = 0; j < EBB_PANEL; j++) packed[t * EBB_PANEL + j] = b[j * stride + t];
  }
}

/// A panel of a b whose columns are contiguous, zeros beyond them.
static void ebb_pack_narrow(const float *b, int64_t stride, int64_t terms, int columns,
                            float *packed) {
  for (int64_t t = 0; t < terms; t++, b += stride, packed += EBB_PANEL) {
    for (int j = 0; j < EBB_PANEL; j++) packed[j] = j < columns ? b[j] : 0.0f;
  }
}

#endif
