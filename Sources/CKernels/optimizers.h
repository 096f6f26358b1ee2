// The two parameter updates that every training step runs, each in one pass over memory. They
// round after every operation, in the order written, so they equal the same formula run as a
// chain.
#ifndef EBB_OPTIMIZERS_H
#define EBB_OPTIMIZERS_H

#include "arithmetic.h"

#pragma STDC FP_CONTRACT OFF

static void ebb_sgd_run(float *w, const float *g, const float *rate, int64_t begin,
                        int64_t end) {
  const float step = rate[0];
  EBB_LOOP for (int64_t i = begin; i < end; i++) w[i] = w[i] - step * g[i];
}

static void ebb_adam_run(const ebb_adam *update, const float *g, int64_t g_row, int64_t row_begin,
                         int64_t row_end, int64_t column_begin, int64_t column_end) {
  const float b1 = update->beta1[0], c1 = update->one_minus_beta1[0];
  const float b2 = update->beta2[0], c2 = update->one_minus_beta2[0];
  const float step = update->rate[0], scale = update->correction[0];
  const float floor = update->epsilon[0];
  const int64_t width = update->width;
  int64_t rows = row_end - row_begin, columns = column_end - column_begin;
  if (columns == width && g_row == width) {
    // Whole rows of both lie one after the other.
    columns *= rows;
    rows = 1;
  }
  for (int64_t r = row_begin; r < row_begin + rows; r++) {
    float *w = update->w + r * width + column_begin;
    float *m = update->m + r * width + column_begin;
    float *v = update->v + r * width + column_begin;
    const float *gradients = g + r * g_row + column_begin;
    EBB_LOOP for (int64_t i = 0; i < columns; i++) {
      const float gradient = gradients[i];
      const float first = b1 * m[i] + c1 * gradient;
      const float second = b2 * v[i] + c2 * (gradient * gradient);
      m[i] = first;
      v[i] = second;
      w[i] = w[i] - (step * first) / (ebb_sqrt(second) * scale + floor);
    }
  }
}

#endif
