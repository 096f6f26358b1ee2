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
EBB_INLINE void ebb_tile_some_terms(const int rows, const int vectors, const bool packing,
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
                              const float *a, __m256 *sums) {
#pragma clang loop unroll(full)
  for (int s = 0; s < rows * vectors; s++) sums[s] = _mm256_setzero_ps();
  ebb_tile_place place = {a, a + 3 * tile->a_row, tile->b, tile->pack};
  int64_t left = tile->terms;
  for (; left >= EBB_UNROLLED; left -= EBB_UNROLLED) {
    ebb_tile_some_terms(rows, vectors, packing, form, packed, EBB_UNROLLED, tile, &place, sums);
  }
  for (; left > 0; left--) {
    ebb_tile_some_terms(rows, vectors, packing, form, packed, 1, tile, &place, sums);
  }
}

/// Where one tile's rows lie in c, y and the operand of its ending.
typedef struct ebb_tile_ends {
  float *c, *y;
  const float *operand;
} ebb_tile_ends;

EBB_INLINE __m256 ebb_load_lanes(const bool whole, const float *x, __m256i mask) {
  return whole ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, mask);
}

/// Adds the sums to those of earlier terms, and stores them or what the ending makes of them. rows,
/// vectors, whole and ending are constants wherever this is inlined.
EBB_INLINE void ebb_tile_end(const int rows, const int vectors, const bool whole, const bool first,
                             const ebb_ending ending, const ebb_tile *tile, ebb_tile_ends at,
                             const __m256 *sums) {
  const __m256 rate = _mm256_set1_ps(tile->rate);
  // Made here: kept over the loop before, it would cost one of the sums its register.
  __m256 zero = _mm256_setzero_ps();
  __asm__("" : "+x"(zero));
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      const __m256i mask = ebb_lane_mask(tile->columns - v * 8);
      float *target = (ending == EBB_END_STORE ? at.c : at.y) + v * 8;
      __m256 x = sums[r * vectors + v];
      if (!first) x = _mm256_add_ps(ebb_load_lanes(whole, at.c + v * 8, mask), x);
      if (ending == EBB_END_DESCEND) {
        x = _mm256_sub_ps(ebb_load_lanes(whole, target, mask), _mm256_mul_ps(rate, x));
      } else if (ending != EBB_END_STORE) {
        const __m256 operand = ebb_load_lanes(whole, at.operand + v * 8, mask);
        if (ending == EBB_END_GATE) {
          const __m256 open = _mm256_cmp_ps(operand, zero, _CMP_GT_OQ);
          x = _mm256_mul_ps(x, _mm256_and_ps(open, _mm256_set1_ps(1.0f)));
        } else {
          x = _mm256_add_ps(x, operand);
        }
        if (ending == EBB_END_ADD_RELU) {
          x = _mm256_andnot_ps(_mm256_cmp_ps(x, zero, _CMP_LE_OQ), x);
        }
      }
      if (whole) {
        _mm256_storeu_ps(target, x);
      } else {
        ebb_store_lanes(target, x, tile->columns - v * 8);
      }
    }
    at.c += tile->c_row;
    if (ending != EBB_END_STORE) at.y += tile->y_row;
    if (ending > EBB_END_DESCEND) at.operand += tile->operand_row;
  }
}

/// The same for an ending that is known only now.
EBB_INLINE void ebb_tile_any_end(const int rows, const int vectors, const bool whole,
                                 const ebb_tile *tile, const ebb_tile_ends at,
                                 const __m256 *sums) {
  switch (tile->ending) {
    case EBB_END_STORE:
      if (tile->first) {
        ebb_tile_end(rows, vectors, whole, true, EBB_END_STORE, tile, at, sums);
      } else {
        ebb_tile_end(rows, vectors, whole, false, EBB_END_STORE, tile, at, sums);
      }
      break;
#define EBB_ENDING(NAME)                                                   \
  case NAME:                                                               \
    ebb_tile_end(rows, vectors, whole, tile->first, NAME, tile, at, sums); \
    break;
      EBB_ENDING(EBB_END_DESCEND)
      EBB_ENDING(EBB_END_ADD)
      EBB_ENDING(EBB_END_ADD_RELU)
      EBB_ENDING(EBB_END_GATE)
#undef EBB_ENDING
  }
}

/// Asks for the lines that the end of a tile will change.
EBB_INLINE void ebb_tile_prefetch(const int rows, const int vectors, const float *target,
                                  int64_t row) {
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v += 2) {
      _mm_prefetch((const char *)(target + r * row + v * 8), _MM_HINT_T0);
    }
  }
}

/// All but the last parameter are constants wherever this is inlined.
EBB_INLINE void ebb_tile_body(const int rows, const int vectors, const bool packing,
                              const ebb_form_of_a form, const bool packed, const ebb_tile *tile) {
  const bool stores = tile->ending == EBB_END_STORE;
  const float *a = tile->a;
  ebb_tile_ends at = {tile->c, tile->y, tile->operand};
  for (int64_t g = 0; g < tile->groups; g++) {
    ebb_tile_prefetch(rows, vectors, stores ? at.c : at.y, stores ? tile->c_row : tile->y_row);
    __m256 sums[EBB_TILE_ROWS * 2 + 1];
    ebb_tile_sums(rows, vectors, packing, form, packed, tile, a, sums);
    // Where columns are missing, b is packed.
    if ((form != EBB_STRIDED && !packed) || tile->columns == vectors * 8) {
      ebb_tile_any_end(rows, vectors, true, tile, at, sums);
    } else {
      ebb_tile_any_end(rows, vectors, false, tile, at, sums);
    }
    a += tile->a_group;
    at.c += rows * tile->c_row;
    at.y += rows * tile->y_row;
    at.operand += rows * tile->operand_row;
  }
}

typedef void (*ebb_tile_function)(const ebb_tile *tile);

// One function for each way to read a and b and each size: joined, they would not all keep their
// sums in registers.
#define EBB_TILE(NAME, PACKING, FORM, PACKED, ROWS, VECTORS)                           \
  static __attribute__((noinline)) void ebb_##NAME##_##ROWS##x##VECTORS(const ebb_tile *tile) { \
    ebb_tile_body(ROWS, VECTORS, PACKING, FORM, PACKED, tile);                         \
  }

/// Tiles by width (8, 16, 32, 64) and rows.
#define EBB_TILES(NAME, FORM, PACKED)                                                  \
  EBB_TILE(NAME, false, FORM, PACKED, 1, 1) EBB_TILE(NAME, false, FORM, PACKED, 2, 1)  \
  EBB_TILE(NAME, false, FORM, PACKED, 3, 1) EBB_TILE(NAME, false, FORM, PACKED, 4, 1)  \
  EBB_TILE(NAME, false, FORM, PACKED, 5, 1) EBB_TILE(NAME, false, FORM, PACKED, 6, 1)  \
  EBB_TILE(NAME, false, FORM, PACKED, 1, 2) EBB_TILE(NAME, false, FORM, PACKED, 2, 2)  \
  EBB_TILE(NAME, false, FORM, PACKED, 3, 2) EBB_TILE(NAME, false, FORM, PACKED, 4, 2)  \
  EBB_TILE(NAME, false, FORM, PACKED, 5, 2) EBB_TILE(NAME, false, FORM, PACKED, 6, 2)  \
  EBB_TILE(NAME, false, FORM, PACKED, 1, 4) EBB_TILE(NAME, false, FORM, PACKED, 2, 4)  \
  EBB_TILE(NAME, false, FORM, PACKED, 3, 4) EBB_TILE(NAME, false, FORM, PACKED, 1, 8)  \
  static const ebb_tile_function ebb_##NAME[4][EBB_TILE_ROWS] = {                      \
      {ebb_##NAME##_1x1, ebb_##NAME##_2x1, ebb_##NAME##_3x1, ebb_##NAME##_4x1,         \
       ebb_##NAME##_5x1, ebb_##NAME##_6x1},                                            \
      {ebb_##NAME##_1x2, ebb_##NAME##_2x2, ebb_##NAME##_3x2, ebb_##NAME##_4x2,         \
       ebb_##NAME##_5x2, ebb_##NAME##_6x2},                                            \
      {ebb_##NAME##_1x4, ebb_##NAME##_2x4, ebb_##NAME##_3x4},                          \
      {ebb_##NAME##_1x8}};

#define EBB_PACKING_TILES(NAME, FORM)                                                  \
  EBB_TILE(NAME, true, FORM, false, 4, 2) EBB_TILE(NAME, true, FORM, false, 5, 2)      \
  EBB_TILE(NAME, true, FORM, false, 6, 2)                                              \
  static const ebb_tile_function ebb_##NAME[3] = {ebb_##NAME##_4x2, ebb_##NAME##_5x2,  \
                                                  ebb_##NAME##_6x2};

EBB_TILES(tile_terms, EBB_TERMS_CONTIGUOUS, false)
EBB_TILES(tile_terms_packed, EBB_TERMS_CONTIGUOUS, true)
EBB_TILES(tile_rows, EBB_ROWS_CONTIGUOUS, false)
EBB_TILES(tile_rows_packed, EBB_ROWS_CONTIGUOUS, true)
EBB_TILES(tile_strided, EBB_STRIDED, false)
EBB_PACKING_TILES(packing_terms, EBB_TERMS_CONTIGUOUS)
EBB_PACKING_TILES(packing_rows, EBB_ROWS_CONTIGUOUS)
EBB_PACKING_TILES(packing_strided, EBB_STRIDED)
#undef EBB_TILE
#undef EBB_TILES
#undef EBB_PACKING_TILES

/// Tiles of `rows` rows and `width` columns (8 or 16; 32 to three rows, 64 for one).
static void ebb_run_tile(int rows, int width, const ebb_tile *tile) {
  const int size = width == 16 ? 1 : width == 8 ? 0 : width == 32 ? 2 : 3;
  const bool packed = tile->b_row == EBB_PANEL;
  if (tile->a_column == 1) {
    if (tile->pack) {
      ebb_packing_terms[rows - 4](tile);
    } else {
      (packed ? ebb_tile_terms_packed : ebb_tile_terms)[size][rows - 1](tile);
    }
  } else if (tile->a_row == 1) {
    if (tile->pack) {
      ebb_packing_rows[rows - 4](tile);
    } else {
      (packed ? ebb_tile_rows_packed : ebb_tile_rows)[size][rows - 1](tile);
    }
  } else if (tile->pack) {
    ebb_packing_strided[rows - 4](tile);
  } else {
    ebb_tile_strided[size][rows - 1](tile);
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
