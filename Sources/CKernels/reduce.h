// Reductions by the contract: sixteen lanes over chunks of 4,096 values, a fixed tree over the
// lanes, chunks in order. The order is part of the result, so it is the same whatever the
// vector width, and whether the reduced values lie side by side or a row apart.
#ifndef EBB_REDUCE_H
#define EBB_REDUCE_H

#include "ebb_kernels.h"
#include "elementary.h"

#pragma STDC FP_CONTRACT OFF

#define EBB_CHUNK 4096
/// Columns that are reduced together where inner > 1: sixteen lanes of them are 4 kB.
#define EBB_REDUCE_COLUMNS 64

EBB_INLINE float ebb_neutral(ebb_reduction kind) {
  return kind == EBB_SUM       ? 0.0f
         : kind == EBB_PRODUCT ? 1.0f
         : kind == EBB_MAX     ? -EBB_INFINITY
                               : EBB_INFINITY;
}

EBB_INLINE float ebb_combine(ebb_reduction kind, float a, float b) {
  switch (kind) {
    case EBB_SUM: return a + b;
    case EBB_PRODUCT: return a * b;
    case EBB_MAX: return ebb_maximum(a, b);
    default: return ebb_minimum(a, b);
  }
}

EBB_INLINE void ebb_combine_group(ebb_reduction kind, ebb_group *a, const ebb_group *b) {
  switch (kind) {
    case EBB_SUM: *a = *a + *b; break;
    case EBB_PRODUCT: *a = *a * *b; break;
    case EBB_MAX: *a = *a > *b ? *a : (*a <= *b ? *b : *a + *b); break;
    default: *a = *a < *b ? *a : (*a >= *b ? *b : *a + *b); break;
  }
}

/// Adds values to the lanes; the count is a multiple of 16 but at a chunk's end. A missing value
/// counts as neutral, which changes no lane (a sum that starts at +0 never becomes -0).
EBB_INLINE void ebb_lanes_take(ebb_reduction kind, ebb_group *lanes, const float *x,
                               int64_t count) {
  ebb_group sum = *lanes, values;
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    ebb_load_group(&values, x + i);
    ebb_combine_group(kind, &sum, &values);
  }
  if (i < count) {
    float tail[16];
    ebb_load_part(tail, x + i, count - i, ebb_neutral(kind));
    ebb_load_group(&values, tail);
    ebb_combine_group(kind, &sum, &values);
  }
  *lanes = sum;
}

/// The tree: lane l takes lane l + 8, then l + 4, l + 2, l + 1. Half of a group is computed for
/// nothing at each level, which is cheaper than leaving the vectors.
EBB_INLINE float ebb_lanes_fold(ebb_reduction kind, const ebb_group *lanes) {
  ebb_group a = *lanes, b;
  b = __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1);
  ebb_combine_group(kind, &a, &b);
  b = __builtin_shufflevector(a, a, 4, 5, 6, 7, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  ebb_combine_group(kind, &a, &b);
  b = __builtin_shufflevector(a, a, 2, 3, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  ebb_combine_group(kind, &a, &b);
  return ebb_combine(kind, a[0], a[1]);
}

/// One list of values that lie side by side.
EBB_INLINE float ebb_reduce_list(ebb_reduction kind, const float *x, int64_t length) {
  float total = ebb_neutral(kind);
  for (int64_t i = 0; i < length; i += EBB_CHUNK) {
    const int64_t count = length - i < EBB_CHUNK ? length - i : EBB_CHUNK;
    ebb_group lanes = (ebb_group)ebb_neutral(kind);
    ebb_lanes_take(kind, &lanes, x + i, count);
    const float chunk = ebb_lanes_fold(kind, &lanes);
    total = i == 0 ? chunk : ebb_combine(kind, total, chunk);
  }
  return total;
}

/// `width` neighbouring lists, each of values a row of `stride` floats apart. Lane l of list i
/// stands at lanes[l * width + i], so that rows and the tree are vector operations.
EBB_INLINE void ebb_reduce_columns(ebb_reduction kind, const float *x, float *y, int64_t length,
                                   int64_t stride, int64_t width) {
  float lanes[16 * EBB_REDUCE_COLUMNS];
  for (int64_t begin = 0; begin < length; begin += EBB_CHUNK) {
    const int64_t rows = length - begin < EBB_CHUNK ? length - begin : EBB_CHUNK;
    const float *chunk = x + begin * stride;
    for (int64_t f = 0; f < 16 * width; f++) lanes[f] = ebb_neutral(kind);
    if (stride == width) {
      // Sixteen rows are one run of memory that matches the lanes' layout.
      for (int64_t r = 0; r < rows; r += 16) {
        const int64_t count = (rows - r < 16 ? rows - r : 16) * width;
        const float *run = chunk + r * width;
        EBB_LOOP for (int64_t f = 0; f < count; f++) {
          lanes[f] = ebb_combine(kind, lanes[f], run[f]);
        }
      }
    } else {
      for (int64_t r = 0; r < rows; r++) {
        const float *row = chunk + r * stride;
        float *lane = lanes + (r & 15) * width;
        EBB_LOOP for (int64_t i = 0; i < width; i++) {
          lane[i] = ebb_combine(kind, lane[i], row[i]);
        }
      }
    }
    for (int64_t half = 8 * width; half >= width; half /= 2) {
      EBB_LOOP for (int64_t f = 0; f < half; f++) {
        lanes[f] = ebb_combine(kind, lanes[f], lanes[f + half]);
      }
    }
    if (begin == 0) {
      __builtin_memcpy(y, lanes, (size_t)width * sizeof(float));
    } else {
      for (int64_t i = 0; i < width; i++) y[i] = ebb_combine(kind, y[i], lanes[i]);
    }
  }
}

EBB_INLINE void ebb_reduce_kind(ebb_reduction kind, const float *x, float *y, int64_t outer_begin,
                                int64_t outer_end, int64_t length, int64_t inner) {
  for (int64_t o = outer_begin; o < outer_end; o++) {
    const float *block = x + o * length * inner;
    float *out = y + o * inner;
    if (length == 0) {
      for (int64_t i = 0; i < inner; i++) out[i] = ebb_neutral(kind);
    } else if (inner == 1) {
      out[0] = ebb_reduce_list(kind, block, length);
    } else {
      for (int64_t i = 0; i < inner; i += EBB_REDUCE_COLUMNS) {
        const int64_t width = inner - i < EBB_REDUCE_COLUMNS ? inner - i : EBB_REDUCE_COLUMNS;
        ebb_reduce_columns(kind, block + i, out + i, length, inner, width);
      }
    }
  }
}

static void ebb_reduce_run(ebb_reduction kind, const float *x, float *y, int64_t outer_begin,
                           int64_t outer_end, int64_t length, int64_t inner) {
  switch (kind) {
    case EBB_SUM: ebb_reduce_kind(EBB_SUM, x, y, outer_begin, outer_end, length, inner); break;
    case EBB_PRODUCT:
      ebb_reduce_kind(EBB_PRODUCT, x, y, outer_begin, outer_end, length, inner);
      break;
    case EBB_MAX: ebb_reduce_kind(EBB_MAX, x, y, outer_begin, outer_end, length, inner); break;
    case EBB_MIN: ebb_reduce_kind(EBB_MIN, x, y, outer_begin, outer_end, length, inner); break;
  }
}

// MARK: Argmax

/// The first largest of values side by side; the first NaN wins.
static int32_t ebb_argmax_list(const float *x, int64_t length) {
  if (length == 0) return 0;
  const float largest = ebb_reduce_list(EBB_MAX, x, length);
  int64_t i = 0;
  if (largest != largest) {
    while (i + 1 < length && x[i] == x[i]) i++;
  } else {
    while (i + 1 < length && x[i] != largest) i++;
  }
  return (int32_t)i;
}

static void ebb_argmax_columns(const float *x, int32_t *y, int64_t length, int64_t stride,
                               int64_t width) {
  float best[EBB_REDUCE_COLUMNS];
  for (int64_t i = 0; i < width; i++) y[i] = 0;
  if (length == 0) return;
  __builtin_memcpy(best, x, (size_t)width * sizeof(float));
  for (int64_t t = 1; t < length; t++) {
    const float *row = x + t * stride;
    EBB_LOOP for (int64_t i = 0; i < width; i++) {
      // Better: larger, or the first NaN. Nothing beats a NaN.
      const bool better = (best[i] == best[i]) & !(row[i] <= best[i]);
      y[i] = better ? (int32_t)t : y[i];
      best[i] = better ? row[i] : best[i];
    }
  }
}

static void ebb_argmax_run(const float *x, int32_t *y, int64_t outer_begin, int64_t outer_end,
                           int64_t length, int64_t inner) {
  for (int64_t o = outer_begin; o < outer_end; o++) {
    const float *block = x + o * length * inner;
    if (inner == 1) {
      y[o] = ebb_argmax_list(block, length);
      continue;
    }
    for (int64_t i = 0; i < inner; i += EBB_REDUCE_COLUMNS) {
      const int64_t width = inner - i < EBB_REDUCE_COLUMNS ? inner - i : EBB_REDUCE_COLUMNS;
      ebb_argmax_columns(block + i, y + o * inner + i, length, inner, width);
    }
  }
}

#endif
