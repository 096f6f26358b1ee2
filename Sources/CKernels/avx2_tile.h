// The inner loop of the matrix product for AVX2 and FMA: up to 6 x 16 sums in registers, two
// loads of b and a broadcast of each a per term. Twelve independent sums cover the latency of
// the fused multiply-add (four cycles, two a cycle); with fewer rows a tile is wider instead.
#ifndef EBB_AVX2_TILE_H
#define EBB_AVX2_TILE_H

#include "matmul_layout.h"

#pragma STDC FP_CONTRACT OFF

#define EBB_TILE_ROWS 6
/// Tiles of at most this many rows exist 32 columns wide (one row: 64).
#define EBB_WIDE_ROWS 3

/// Keeps the compiler from rewriting an address as a sum over the loop: it would add a row's stride
/// six times a term, and those additions cost more than the loads.
#define EBB_OPAQUE(x) __asm__("" : "+r"(x))

/// Terms that one turn of the inner loop takes.
#define EBB_UNROLLED 4

/// How a is read: a row's terms side by side, a term's rows side by side, or neither.
typedef enum ebb_form_of_a { EBB_TERMS_CONTIGUOUS, EBB_ROWS_CONTIGUOUS, EBB_STRIDED } ebb_form_of_a;

/// Where the loop stands. Three rows are reached from one pointer and the stride, and the next
/// three from another, so that a whole turn needs a handful of additions.
typedef struct ebb_tile_place {
  const float *a, *a3;
  const float *b;
  float *pack;
} ebb_tile_place;

/// `terms` terms. All but the last three parameters are constants wherever this is inlined, so `sums`
/// lives in registers.
EBB_INLINE void ebb_tile_terms(const int rows, const int vectors, const bool packing,
                               const ebb_form_of_a form, const bool packed, const int terms,
                               const ebb_tile *tile, ebb_tile_place *place, __m256 *sums) {
  const float *a = place->a, *a3 = place->a3, *b = place->b;
  int64_t a_row = tile->a_row, b_panel = tile->b_panel;
  EBB_OPAQUE(a);
  EBB_OPAQUE(b);
  if (form != EBB_ROWS_CONTIGUOUS) {
    EBB_OPAQUE(a_row);
    if (rows > 3) EBB_OPAQUE(a3);
  }
#pragma clang loop unroll(full)
  for (int t = 0; t < terms; t++) {
    __m256 right[8];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      right[v] = _mm256_loadu_ps(b + (v / 2) * b_panel + (v % 2) * 8);
    }
    if (packing) {
      _mm256_storeu_ps(place->pack + t * EBB_PANEL, right[0]);
      _mm256_storeu_ps(place->pack + t * EBB_PANEL + 8, right[1]);
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      const float *element;
      if (form == EBB_ROWS_CONTIGUOUS) {
        element = a + r;
      } else {
        element = r < 3 ? a + r * a_row : a3 + (r - 3) * a_row;
        if (form == EBB_TERMS_CONTIGUOUS) element += t;
      }
      const __m256 left = _mm256_broadcast_ss(element);
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) {
        sums[r * vectors + v] = _mm256_fmadd_ps(left, right[v], sums[r * vectors + v]);
      }
    }
    if (form != EBB_TERMS_CONTIGUOUS) {
      a += tile->a_column;
      EBB_OPAQUE(a);
      if (form == EBB_STRIDED) {
        a3 += tile->a_column;
        EBB_OPAQUE(a3);
      }
    }
    b += packed ? EBB_PANEL : tile->b_row;
    if (!packed) EBB_OPAQUE(b);
  }
  if (form == EBB_TERMS_CONTIGUOUS) {
    a += terms;
    a3 += terms;
  }
  place->a = a;
  place->a3 = a3;
  place->b = b;
  if (packing) place->pack += terms * EBB_PANEL;
}

/// All terms of the tile.
EBB_INLINE void ebb_tile_sums(const int rows, const int vectors, const bool packing,
                              const ebb_form_of_a form, const bool packed, const ebb_tile *tile,
                              __m256 *sums) {
#pragma clang loop unroll(full)
  for (int s = 0; s < rows * vectors; s++) sums[s] = _mm256_setzero_ps();
  ebb_tile_place place = {tile->a, tile->a + 3 * tile->a_row, tile->b, tile->pack};
  int64_t left = tile->terms;
  for (; left >= EBB_UNROLLED; left -= EBB_UNROLLED) {
    ebb_tile_terms(rows, vectors, packing, form, packed, EBB_UNROLLED, tile, &place, sums);
  }
  for (; left > 0; left--) {
    ebb_tile_terms(rows, vectors, packing, form, packed, 1, tile, &place, sums);
  }
}

/// Stores the sums, adds them to those of earlier terms, or updates w with them. rows, vectors,
/// whole and (where whole) updates are constants wherever this is inlined.
EBB_INLINE void ebb_tile_end(const int rows, const int vectors, const bool whole, const bool first,
                             const bool updates, const ebb_tile *tile, const __m256 *sums) {
  float *c = tile->c;
  float *w = tile->update;
  const __m256 rate = _mm256_set1_ps(tile->rate);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      __m256 sum = sums[r * vectors + v];
      if (whole) {
        if (!first) sum = _mm256_add_ps(_mm256_loadu_ps(c + v * 8), sum);
        if (updates) {
          const __m256 change = _mm256_mul_ps(rate, sum);
          _mm256_storeu_ps(w + v * 8, _mm256_sub_ps(_mm256_loadu_ps(w + v * 8), change));
        } else {
          _mm256_storeu_ps(c + v * 8, sum);
        }
      } else {
        const __m256i mask = ebb_lane_mask(tile->columns - v * 8);
        if (!first) sum = _mm256_add_ps(_mm256_maskload_ps(c + v * 8, mask), sum);
        if (updates) {
          const __m256 change = _mm256_mul_ps(rate, sum);
          const __m256 old = _mm256_maskload_ps(w + v * 8, mask);
          _mm256_maskstore_ps(w + v * 8, mask, _mm256_sub_ps(old, change));
        } else {
          _mm256_maskstore_ps(c + v * 8, mask, sum);
        }
      }
    }
    c += tile->c_row;
    if (updates) w += tile->update_row;
  }
}

/// rows, vectors and packing are constants wherever this is inlined.
EBB_INLINE void ebb_tile_body(const int rows, const int vectors, const bool packing,
                              const ebb_tile *tile) {
  // What the end of the tile changes comes into the cache while the sums are made.
  const float *target = tile->update ? tile->update : tile->c;
  const int64_t target_row = tile->update ? tile->update_row : tile->c_row;
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    const char *line = (const char *)(target + r * target_row);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v += 2) _mm_prefetch(line + v * 32, _MM_HINT_T0);
  }
  __m256 sums[EBB_TILE_ROWS * 2 + 1];
  const bool packed = !packing && tile->b_row == EBB_PANEL;
  if (tile->a_column == 1 && packed) {
    ebb_tile_sums(rows, vectors, false, EBB_TERMS_CONTIGUOUS, true, tile, sums);
  } else if (tile->a_column == 1) {
    ebb_tile_sums(rows, vectors, packing, EBB_TERMS_CONTIGUOUS, false, tile, sums);
  } else if (tile->a_row == 1 && packed) {
    ebb_tile_sums(rows, vectors, false, EBB_ROWS_CONTIGUOUS, true, tile, sums);
  } else if (tile->a_row == 1) {
    ebb_tile_sums(rows, vectors, packing, EBB_ROWS_CONTIGUOUS, false, tile, sums);
  } else {
    ebb_tile_sums(rows, vectors, packing, EBB_STRIDED, false, tile, sums);
  }
  if (tile->columns != vectors * 8) {
    ebb_tile_end(rows, vectors, false, tile->first, tile->update != 0, tile, sums);
  } else if (tile->update) {
    ebb_tile_end(rows, vectors, true, tile->first, true, tile, sums);
  } else if (tile->first) {
    ebb_tile_end(rows, vectors, true, true, false, tile, sums);
  } else {
    ebb_tile_end(rows, vectors, true, false, false, tile, sums);
  }
}

#define EBB_TILE(ROWS, VECTORS)                                                    \
  static __attribute__((noinline)) void ebb_tile_##ROWS##x##VECTORS(const ebb_tile *tile) { \
    ebb_tile_body(ROWS, VECTORS, false, tile);                                     \
  }
#define EBB_PACKING_TILE(ROWS)                                                     \
  static __attribute__((noinline)) void ebb_packing_tile_##ROWS(const ebb_tile *tile) { \
    ebb_tile_body(ROWS, 2, true, tile);                                            \
  }
EBB_TILE(1, 1) EBB_TILE(2, 1) EBB_TILE(3, 1) EBB_TILE(4, 1) EBB_TILE(5, 1) EBB_TILE(6, 1)
EBB_TILE(1, 2) EBB_TILE(2, 2) EBB_TILE(3, 2) EBB_TILE(4, 2) EBB_TILE(5, 2) EBB_TILE(6, 2)
EBB_TILE(1, 4) EBB_TILE(2, 4) EBB_TILE(3, 4) EBB_TILE(1, 8)
EBB_PACKING_TILE(4) EBB_PACKING_TILE(5) EBB_PACKING_TILE(6)
#undef EBB_TILE
#undef EBB_PACKING_TILE

typedef void (*ebb_tile_function)(const ebb_tile *tile);

/// One tile of `rows` rows and `width` columns (8 or 16; 32 to three rows, 64 for one).
static void ebb_run_tile(int rows, int width, const ebb_tile *tile) {
  static const ebb_tile_function narrow[EBB_TILE_ROWS] = {
      ebb_tile_1x1, ebb_tile_2x1, ebb_tile_3x1, ebb_tile_4x1, ebb_tile_5x1, ebb_tile_6x1};
  static const ebb_tile_function plain[EBB_TILE_ROWS] = {
      ebb_tile_1x2, ebb_tile_2x2, ebb_tile_3x2, ebb_tile_4x2, ebb_tile_5x2, ebb_tile_6x2};
  static const ebb_tile_function wide[EBB_WIDE_ROWS] = {ebb_tile_1x4, ebb_tile_2x4, ebb_tile_3x4};
  static const ebb_tile_function packing[3] = {ebb_packing_tile_4, ebb_packing_tile_5,
                                               ebb_packing_tile_6};
  if (tile->pack) {
    packing[rows - 4](tile);
  } else if (width == 16) {
    plain[rows - 1](tile);
  } else if (width == 8) {
    narrow[rows - 1](tile);
  } else if (width == 32) {
    wide[rows - 1](tile);
  } else {
    ebb_tile_1x8(tile);
  }
}

/// Eight rows of eight, transposed: packed[t * packed_stride + j] = a[j * stride + t], in the order
/// of t, so that packed rows may overlap.
EBB_INLINE void ebb_transpose_eight(const float *a, int64_t stride, float *packed,
                                    int64_t packed_stride) {
  __m256 x[8], y[8];
#pragma clang loop unroll(full)
  for (int j = 0; j < 4; j++) {
    // Halves of rows j and j + 4 side by side: terms 0-3 in x[j], terms 4-7 in x[j + 4].
    const float *low = a + j * stride;
    const float *high = a + (j + 4) * stride;
    x[j] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
    x[j + 4] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low + 4)),
                                    _mm_loadu_ps(high + 4), 1);
  }
#pragma clang loop unroll(full)
  for (int h = 0; h < 8; h += 4) {
    y[0] = _mm256_unpacklo_ps(x[h], x[h + 1]);
    y[1] = _mm256_unpackhi_ps(x[h], x[h + 1]);
    y[2] = _mm256_unpacklo_ps(x[h + 2], x[h + 3]);
    y[3] = _mm256_unpackhi_ps(x[h + 2], x[h + 3]);
    float *out = packed + h * packed_stride;
    _mm256_storeu_ps(out, _mm256_shuffle_ps(y[0], y[2], 0x44));
    _mm256_storeu_ps(out + packed_stride, _mm256_shuffle_ps(y[0], y[2], 0xee));
    _mm256_storeu_ps(out + 2 * packed_stride, _mm256_shuffle_ps(y[1], y[3], 0x44));
    _mm256_storeu_ps(out + 3 * packed_stride, _mm256_shuffle_ps(y[1], y[3], 0xee));
  }
}

/// A full panel of a b whose terms are contiguous: packed[t * 16 + j] = b[j * stride + t].
static void ebb_pack_transposed(const float *b, int64_t stride, int64_t terms, float *packed) {
  int64_t t = 0;
  for (; t + 8 <= terms; t += 8) {
    ebb_transpose_eight(b + t, stride, packed + t * EBB_PANEL, EBB_PANEL);
    ebb_transpose_eight(b + 8 * stride + t, stride, packed + t * EBB_PANEL + 8, EBB_PANEL);
  }
  for (; t < terms; t++) {
    for (int j = 0; j < EBB_PANEL; j++) packed[t * EBB_PANEL + j] = b[j * stride + t];
  }
}

/// A panel of a b whose columns are contiguous, zeros beyond them.
static void ebb_pack_narrow(const float *b, int64_t stride, int64_t terms, int columns,
                            float *packed) {
  const __m256i low = ebb_lane_mask(columns), high = ebb_lane_mask(columns - 8);
  for (int64_t t = 0; t < terms; t++, b += stride, packed += EBB_PANEL) {
    _mm256_storeu_ps(packed, _mm256_maskload_ps(b, low));
    _mm256_storeu_ps(packed + 8, _mm256_maskload_ps(b + 8, high));
  }
}

#endif
