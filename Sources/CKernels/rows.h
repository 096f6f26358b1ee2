// Row-wise softmax, log-sum-exp and softmax cross-entropy. Every exponential is of a number
// that is at most 0: the row's maximum is subtracted first. Maxima and sums are reductions by
// the contract.
#ifndef EBB_ROWS_H
#define EBB_ROWS_H

#include "reduce.h"

#pragma STDC FP_CONTRACT OFF

/// e[i] = exp(x[i] - shift). `e` may be x.
static void ebb_exp_shifted(const float *x, float shift, float *e, int64_t count) {
  const int64_t whole = count / 16 * 16;
  EBB_LOOP for (int64_t i = 0; i < whole; i++) e[i] = ebb_exp(x[i] - shift);
  if (whole == count) return;
  float tail[16];
  ebb_load_part(tail, x + whole, count - whole, 0.0f);
  EBB_LOOP for (int64_t i = 0; i < 16; i++) tail[i] = ebb_exp(tail[i] - shift);
  ebb_store_part(e + whole, tail, count - whole);
}

/// The sum of exp(x[i] - shift); the exponentials are kept in `e` unless it is null.
static float ebb_exp_sum(const float *x, float shift, float *e, int64_t n) {
  float scratch[512];
  float total = 0.0f;
  for (int64_t begin = 0; begin < n; begin += EBB_CHUNK) {
    const int64_t end = n - begin < EBB_CHUNK ? n : begin + EBB_CHUNK;
    ebb_group lanes = (ebb_group)0.0f;
    for (int64_t i = begin; i < end; i += 512) {
      const int64_t count = end - i < 512 ? end - i : 512;
      float *out = e ? e + i : scratch;
      ebb_exp_shifted(x + i, shift, out, count);
      ebb_lanes_take(EBB_SUM, &lanes, out, count);
    }
    const float chunk = ebb_lanes_fold(EBB_SUM, &lanes);
    total = begin == 0 ? chunk : total + chunk;
  }
  return total;
}

/// y[i] = y[i] / divisor.
static void ebb_divide_row(float *y, float divisor, int64_t n) {
  const int64_t whole = n / 16 * 16;
  EBB_LOOP for (int64_t i = 0; i < whole; i++) y[i] = y[i] / divisor;
  if (whole == n) return;
  float tail[16];
  ebb_load_part(tail, y + whole, n - whole, 0.0f);
  EBB_LOOP for (int64_t i = 0; i < 16; i++) tail[i] = tail[i] / divisor;
  ebb_store_part(y + whole, tail, n - whole);
}

static float ebb_row_maximum(const float *x, int64_t n) {
  return ebb_reduce_list(EBB_MAX, x, n);
}

/// y = softmax of one row; returns the sum of exponentials. The maximum is not -infinity.
static float ebb_softmax_row(const float *x, float maximum, float *y, int64_t n) {
  const float sum = ebb_exp_sum(x, maximum, y, n);
  ebb_divide_row(y, sum, n);
  return sum;
}

static void ebb_softmax_run(const float *x, float *y, int64_t row_begin, int64_t row_end,
                            int64_t n) {
  for (int64_t r = row_begin; r < row_end; r++) {
    const float maximum = ebb_row_maximum(x + r * n, n);
    if (maximum == -EBB_INFINITY) {
      for (int64_t i = 0; i < n; i++) y[r * n + i] = 0.0f;
    } else {
      ebb_softmax_row(x + r * n, maximum, y + r * n, n);
    }
  }
}

static void ebb_log_sum_exp_run(const float *x, float *y, int64_t row_begin, int64_t row_end,
                                int64_t n) {
  for (int64_t r = row_begin; r < row_end; r++) {
    const float maximum = ebb_row_maximum(x + r * n, n);
    y[r] = maximum == -EBB_INFINITY
               ? maximum
               : maximum + ebb_log(ebb_exp_sum(x + r * n, maximum, NULL, n));
  }
}

/// Whether rows are worth being taken sixteen at a time.
EBB_INLINE bool ebb_is_narrow(int64_t rows, int64_t n) { return n <= 16 && rows >= 6; }

/// Folds classes as the tree over sixteen lanes does; missing classes are neutral and are left out.
/// Each class is a group of sixteen rows.
EBB_INLINE void ebb_fold_classes(ebb_reduction kind, const ebb_group *classes, int64_t n,
                                 ebb_group *result) {
  ebb_group folded[16];
  for (int64_t j = 0; j < n; j++) folded[j] = classes[j];
  for (int64_t half = 8, count = n; half > 0; half /= 2) {
    for (int64_t j = 0; j + half < count; j++) {
      ebb_combine_group(kind, &folded[j], &folded[j + half]);
    }
    count = count < half ? count : half;
  }
  *result = folded[0];
}

/// Rows of at most 16 classes, sixteen rows at a time and side by side: lane r of class j is
/// x[r, j], so that nothing is done across lanes. The bits are those of the general form.
/// `gradient` may be null, and may be x.
static void ebb_cross_entropy_narrow(const float *x, const int32_t *labels, const float *scale,
                                     int64_t scale_stride, float *loss, float *gradient,
                                     int64_t row_begin, int64_t row_end, int64_t n) {
  for (int64_t begin = row_begin; begin < row_end; begin += 16) {
    const int64_t rows = row_end - begin < 16 ? row_end - begin : 16;
    float values[16][16], shifts[16], distances[16], factors[16], sums[16], logs[16];
    int32_t hot[16], empty[16];
    ebb_group classes[16], group;
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t j = 0; j < n; j++) values[j][r] = x[(begin + r) * n + j];
    }
    for (int64_t r = rows; r < 16; r++) {
      for (int64_t j = 0; j < n; j++) values[j][r] = 0.0f;
    }
    for (int64_t j = 0; j < n; j++) ebb_load_group(&classes[j], values[j]);
    ebb_fold_classes(EBB_MAX, classes, n, &group);
    ebb_store_group(shifts, &group);
    for (int64_t r = 0; r < 16; r++) {
      const bool present = shifts[r] != -EBB_INFINITY;
      const int64_t label = r < rows ? labels[begin + r] : 0;
      const bool known = label >= 0 && label < n && present;
      shifts[r] = present ? shifts[r] : 0.0f;
      distances[r] = known ? values[label][r] - shifts[r] : 0.0f;
      // Beyond the classes: no class. The loss then is 0, and nothing is taken off the gradient.
      hot[r] = known ? (int32_t)label : 16;
      empty[r] = present ? 0 : 1;
      factors[r] = gradient && r < rows ? scale[(begin + r) * scale_stride] : 0.0f;
    }
    for (int64_t j = 0; j < n; j++) {
      EBB_LOOP for (int64_t r = 0; r < 16; r++) values[j][r] = ebb_exp(values[j][r] - shifts[r]);
      ebb_load_group(&classes[j], values[j]);
    }
    ebb_fold_classes(EBB_SUM, classes, n, &group);
    ebb_store_group(sums, &group);
    EBB_LOOP for (int64_t r = 0; r < 16; r++) sums[r] = empty[r] ? 1.0f : sums[r];
    EBB_LOOP for (int64_t r = 0; r < 16; r++) logs[r] = ebb_log(hot[r] < 16 ? sums[r] : 1.0f);
    for (int64_t r = 0; r < rows; r++) loss[begin + r] = logs[r] - distances[r];
    if (!gradient) continue;
    for (int32_t j = 0; j < n; j++) {
      EBB_LOOP for (int64_t r = 0; r < 16; r++) {
        values[j][r] = (values[j][r] / sums[r] - (hot[r] == j ? 1.0f : 0.0f)) * factors[r];
      }
    }
    for (int64_t r = 0; r < rows; r++) {
      for (int64_t j = 0; j < n; j++) gradient[(begin + r) * n + j] = values[j][r];
    }
  }
}

static void ebb_softmax_cross_entropy_run(const float *x, const int32_t *labels, float *loss,
                                          int64_t row_begin, int64_t row_end, int64_t n) {
  if (ebb_is_narrow(row_end - row_begin, n)) {
    ebb_cross_entropy_narrow(x, labels, NULL, 0, loss, NULL, row_begin, row_end, n);
    return;
  }
  for (int64_t r = row_begin; r < row_end; r++) {
    const float *row = x + r * n;
    const float maximum = ebb_row_maximum(row, n);
    const int64_t label = labels[r];
    if (maximum == -EBB_INFINITY || label < 0 || label >= n) {
      loss[r] = 0.0f;
    } else {
      loss[r] = ebb_log(ebb_exp_sum(row, maximum, NULL, n)) - (row[label] - maximum);
    }
  }
}

static void ebb_softmax_cross_entropy_gradient_run(const float *x, const int32_t *labels,
                                                   const float *scale, int64_t scale_stride,
                                                   float *loss, float *gradient,
                                                   int64_t row_begin, int64_t row_end,
                                                   int64_t n) {
  if (ebb_is_narrow(row_end - row_begin, n)) {
    ebb_cross_entropy_narrow(x, labels, scale, scale_stride, loss, gradient, row_begin, row_end,
                             n);
    return;
  }
  for (int64_t r = row_begin; r < row_end; r++) {
    const float *row = x + r * n;
    float *out = gradient + r * n;
    const float factor = scale[r * scale_stride];
    const float maximum = ebb_row_maximum(row, n);
    const int64_t label = labels[r];
    const bool known = label >= 0 && label < n;
    const float score = known ? row[label] : 0.0f;  // read before the gradient overwrites it
    if (maximum == -EBB_INFINITY) {
      loss[r] = 0.0f;
      for (int64_t i = 0; i < n; i++) out[i] = 0.0f;
    } else {
      const float sum = ebb_softmax_row(row, maximum, out, n);
      loss[r] = known ? ebb_log(sum) - (score - maximum) : 0.0f;
      if (known) out[label] = out[label] - 1.0f;
    }
    EBB_LOOP for (int64_t i = 0; i < n; i++) out[i] = out[i] * factor;
  }
}

#endif
