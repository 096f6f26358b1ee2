// Kernels that move numbers and compute none: rows by index, strided copies, fills.
#ifndef EBB_MOVEMENT_H
#define EBB_MOVEMENT_H

#include "ebb_kernels.h"
#include "arithmetic.h"

#pragma STDC FP_CONTRACT OFF

#define EBB_MAX_RANK 8

/// Rows whose memory is asked for before they are copied: they lie anywhere in a large table.
#define EBB_GATHER_AHEAD 2

/// Copies a row while the lines of another come into the cache.
EBB_INLINE void ebb_copy_ahead(const float *x, const float *next, float *y, int64_t width) {
  int64_t i = 0;
  for (; i + 16 <= width; i += 16) {
    __builtin_prefetch(next + i);
    __builtin_memcpy(y + i, x + i, 16 * sizeof(float));
  }
  if (i < width) __builtin_memcpy(y + i, x + i, (size_t)(width - i) * sizeof(float));
}

static void ebb_gather_rows_run(const float *table, int64_t table_rows, const int32_t *indices,
                                float *y, int64_t row_begin, int64_t row_end, int64_t width) {
  const size_t bytes = (size_t)width * sizeof(float);
  for (int64_t r = row_begin; r < row_end; r++) {
    const int64_t index = indices[r];
    if (index >= 0 && index < table_rows) {
      const float *row = table + index * width;
      const int64_t next = r + EBB_GATHER_AHEAD < row_end ? indices[r + EBB_GATHER_AHEAD] : index;
      const bool exists = next >= 0 && next < table_rows;
      ebb_copy_ahead(row, exists ? table + next * width : row, y + r * width, width);
    } else {
      __builtin_memset(y + r * width, 0, bytes);
    }
  }
}

static void ebb_scatter_add_rows_run(const float *x, const int32_t *indices, int64_t count,
                                     float *y, int64_t table_rows, int64_t width,
                                     int64_t column_begin, int64_t column_end) {
  if (column_begin >= column_end) return;
  const int64_t columns = column_end - column_begin;
  for (int64_t t = 0; t < table_rows; t++) {
    __builtin_memset(y + t * width + column_begin, 0, (size_t)columns * sizeof(float));
  }
  for (int64_t r = 0; r < count; r++) {
    const int64_t index = indices[r];
    if (index < 0 || index >= table_rows) continue;
    float *sum = y + index * width + column_begin;
    const float *row = x + r * width + column_begin;
    EBB_LOOP for (int64_t i = 0; i < columns; i++) sum[i] = sum[i] + row[i];
  }
}

static void ebb_one_hot_run(const int32_t *indices, float *y, int64_t row_begin, int64_t row_end,
                            int64_t classes) {
  for (int64_t r = row_begin; r < row_end; r++) {
    float *row = y + r * classes;
    for (int64_t j = 0; j < classes; j++) row[j] = 0.0f;
    const int64_t index = indices[r];
    if (index >= 0 && index < classes) row[index] = 1.0f;
  }
}

/// One innermost row of a strided copy.
EBB_INLINE void ebb_copy_row(const float *x, int64_t x_stride, float *y, int64_t y_stride,
                             int64_t count) {
  if (x_stride == 1 && y_stride == 1) {
    __builtin_memcpy(y, x, (size_t)count * sizeof(float));
  } else if (x_stride == 0 && y_stride == 1) {
    const float value = x[0];
    EBB_LOOP for (int64_t i = 0; i < count; i++) y[i] = value;
  } else {
    for (int64_t i = 0; i < count; i++) y[i * y_stride] = x[i * x_stride];
  }
}

/// Neighbouring rows of a transpose, eight columns at a time: a cache line of x is read while it
/// is there instead of once per row.
EBB_INLINE void ebb_copy_transposed(const float *x, int64_t x_row, int64_t x_stride, float *y,
                                    int64_t y_row, int64_t rows, int64_t count) {
  for (int64_t begin = 0; begin < count; begin += 16) {
    const int64_t end = count - begin < 16 ? count : begin + 16;
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t i = begin; i < end; i++) y[r * y_row + i] = x[r * x_row + i * x_stride];
    }
  }
}

static void ebb_copy_strided_run(const float *x, float *y, int32_t rank, const int64_t *shape,
                                 const int64_t *x_strides, const int64_t *y_strides,
                                 int64_t row_begin, int64_t row_end) {
  if (row_begin >= row_end) return;
  if (rank == 0) {
    y[0] = x[0];
    return;
  }
  if (rank > EBB_MAX_RANK) return;
  const int32_t last = rank - 1;
  const int64_t count = shape[last];
  if (count == 0) return;
  // The position of row_begin, then an odometer.
  int64_t position[EBB_MAX_RANK] = {0};
  int64_t x_offset = 0, y_offset = 0, rest = row_begin;
  for (int32_t d = last - 1; d >= 0; d--) {
    if (shape[d] == 0) return;
    position[d] = rest % shape[d];
    rest /= shape[d];
    x_offset += position[d] * x_strides[d];
    y_offset += position[d] * y_strides[d];
  }
  const bool transposed = rank > 1 && y_strides[last] == 1 && x_strides[last] > 1 &&
                          x_strides[last - 1] == 1;
  int64_t row = row_begin;
  while (row < row_end) {
    int64_t rows = 1;
    if (transposed) {
      const int64_t here = shape[last - 1] - position[last - 1];
      rows = here < row_end - row ? here : row_end - row;
      if (rows > 16) rows = 16;
      ebb_copy_transposed(x + x_offset, 1, x_strides[last], y + y_offset, y_strides[last - 1],
                          rows, count);
    } else {
      ebb_copy_row(x + x_offset, x_strides[last], y + y_offset, y_strides[last], count);
    }
    row += rows;
    for (int32_t d = last - 1; d >= 0; d--) {
      const int64_t steps = d == last - 1 ? rows : 1;
      position[d] += steps;
      x_offset += steps * x_strides[d];
      y_offset += steps * y_strides[d];
      if (position[d] < shape[d]) break;
      x_offset -= shape[d] * x_strides[d];
      y_offset -= shape[d] * y_strides[d];
      position[d] = 0;
    }
  }
}

static void ebb_fill_run(float value, float *y, int64_t begin, int64_t end) {
  EBB_LOOP for (int64_t i = begin; i < end; i++) y[i] = value;
}

#endif
