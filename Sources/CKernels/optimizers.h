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

static void ebb_adam_run(float *w, float *m, float *v, const float *g, const float *beta1,
                         const float *one_minus_beta1, const float *beta2,
                         const float *one_minus_beta2, const float *rate,
                         const float *correction, const float *epsilon, int64_t begin,
                         int64_t end) {
  const float b1 = beta1[0], c1 = one_minus_beta1[0];
  const float b2 = beta2[0], c2 = one_minus_beta2[0];
  const float step = rate[0], scale = correction[0], floor = epsilon[0];
  EBB_LOOP for (int64_t i = begin; i < end; i++) {
    const float gradient = g[i];
    const float first = b1 * m[i] + c1 * gradient;
    const float second = b2 * v[i] + c2 * (gradient * gradient);
    m[i] = first;
    v[i] = second;
    w[i] = w[i] - (step * first) / (ebb_sqrt(second) * scale + floor);
  }
}

#endif
