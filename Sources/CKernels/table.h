// One instruction set's kernels, put together. portable.c and avx2.c include this after saying
// which set they are.
#ifndef EBB_TABLE_H
#define EBB_TABLE_H

#include "chain.h"
#include "limits.h"
#include "matmul.h"
#include "movement.h"
#include "optimizers.h"
#include "random.h"
#include "reduce.h"
#include "rows.h"

#define EBB_KERNELS_TABLE(NAME)                                                            \
  {                                                                                        \
    .name = NAME, .chain = ebb_chain_run, .matmul = ebb_matmul_run,                        \
    .reduce = ebb_reduce_run, .argmax = ebb_argmax_run, .softmax = ebb_softmax_run,        \
    .log_sum_exp = ebb_log_sum_exp_run,                                                    \
    .softmax_cross_entropy = ebb_softmax_cross_entropy_run,                                \
    .softmax_cross_entropy_gradient = ebb_softmax_cross_entropy_gradient_run,              \
    .gather_rows = ebb_gather_rows_run, .scatter_add_rows = ebb_scatter_add_rows_run,      \
    .one_hot = ebb_one_hot_run, .copy_strided = ebb_copy_strided_run, .fill = ebb_fill_run, \
    .random_words = ebb_random_words_run,                                                  \
    .uniform = ebb_uniform_run, .normal = ebb_normal_run, .sgd = ebb_sgd_run,              \
    .adam = ebb_adam_run, .multiply_adds = ebb_multiply_adds_run,                          \
  }

#endif
