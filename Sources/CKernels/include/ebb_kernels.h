// Ebb's numeric kernels: the only hand-tuned loops of the project.
//
// Pure functions on pointers: no state, no allocation, no threads. Every function
// computes exactly what Documentation/NumericContract.md says, bit for bit, in the
// portable and in the AVX2 path alike. A caller cuts the work into ranges; no result
// depends on where the cuts are.
#ifndef EBB_KERNELS_H
#define EBB_KERNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "ebb_pause.h"

#if defined(__clang__)
#pragma clang assume_nonnull begin
#endif

// MARK: Elementwise chains

/// One elementwise operation. `a`, `b`, `c` are operands in order; masks are 0 or 1.
typedef enum ebb_operation {
  // unary
  EBB_COPY,        // y = a
  EBB_NEGATE,      // y = -a
  EBB_ABS,         // y = |a|
  EBB_SIGN,        // y = -1, 0 or 1 (0 for either zero; NaN for NaN)
  EBB_RECIPROCAL,  // y = 1 / a
  EBB_SQRT,        // y = sqrt(a), correctly rounded
  EBB_RSQRT,       // y = 1 / sqrt(a), two roundings
  EBB_EXP,
  EBB_EXPM1,
  EBB_LOG,
  EBB_LOG1P,
  EBB_SIN,
  EBB_COS,
  EBB_ATAN,
  EBB_TANH,
  EBB_SIGMOID,
  EBB_SOFTPLUS,    // max(a, 0) + log1p(exp(-|a|))
  EBB_ERF,
  EBB_NORMAL_CDF,      // the standard normal distribution
  EBB_NORMAL_DENSITY,  // exp(-a^2 / 2) / sqrt(2 pi)
  EBB_RELU,        // a <= 0 ? 0 : a   (NaN stays NaN)
  EBB_NOT,         // 1 - a
  // binary
  EBB_ADD,
  EBB_SUBTRACT,
  EBB_MULTIPLY,
  EBB_DIVIDE,
  EBB_POWER,       // C's powf in all special cases
  EBB_MINIMUM,     // a < b ? a : (a >= b ? b : a + b)   (NaN if either is NaN)
  EBB_MAXIMUM,     // a > b ? a : (a <= b ? b : a + b)
  EBB_CHAIN_PRODUCT,  // (a == 0 || b == 0) ? 0 : a * b
  EBB_BINARY_CROSS_ENTROPY,  // (max(a, 0) - a * b) + log1p(exp(-|a|)), a = logit, b = target
  EBB_EQUAL,
  EBB_NOT_EQUAL,
  EBB_LESS,
  EBB_LESS_EQUAL,
  EBB_GREATER,
  EBB_GREATER_EQUAL,
  EBB_AND,         // a * b on masks
  EBB_OR,          // max(a, b) on masks
  // ternary
  EBB_SELECT,      // a != 0 ? b : c
  EBB_CLIP,        // a < b ? b : (a > c ? c : a)   (NaN stays NaN)
  EBB_OPERATION_COUNT
} ebb_operation;

/// How an operand is read over a space of rows x inner elements (row-major).
typedef enum ebb_access {
  EBB_CONTIGUOUS,  // element (r, i) is data[r * inner + i]
  EBB_SCALAR,      // data[0]
  EBB_PER_COLUMN,  // data[i]: a bias
  EBB_PER_ROW      // data[r]: one value a row
} ebb_access;

typedef struct ebb_chain_operand {
  float *data;
  int32_t access;  // ebb_access
} ebb_chain_operand;

/// registers[target] = operation(registers[a], registers[b], registers[c]).
typedef struct ebb_chain_step {
  uint16_t operation;  // ebb_operation
  uint16_t target, a, b, c;
} ebb_chain_step;

/// Register `source` is stored to `data`, contiguous.
typedef struct ebb_chain_output {
  float *data;
  int32_t source;
} ebb_chain_output;

/// A fused run of elementwise operations. Registers 0 ..< operand_count are the operands;
/// each later register is written by exactly one step before it is read, and registers are
/// numbered without gaps, register_count in all. An output's memory may be an operand's
/// memory (same address, contiguous): every element is read before it is written.
typedef struct ebb_chain {
  const ebb_chain_operand *operands;
  const ebb_chain_step *steps;
  const ebb_chain_output *outputs;
  int32_t operand_count, step_count, output_count, register_count;
  int64_t rows, inner;
} ebb_chain;

/// A chain runs over blocks of this many elements.
#define EBB_BLOCK 1024
/// More registers than this and the caller splits the chain.
#define EBB_MAX_REGISTERS 64

// MARK: Products

/// Terms that one chain of fused multiply-adds takes. Part of the numeric contract.
#define EBB_TERMS 256

/// What is made of a sum of the product, straight from the registers.
typedef enum ebb_ending {
  EBB_END_STORE,     // c = sum
  EBB_END_DESCEND,   // y = y - rate * sum
  EBB_END_ADD,       // y = sum + operand
  EBB_END_ADD_RELU,  // y = relu(sum + operand)
  EBB_END_GATE       // y = sum * (operand > 0): the gradient through a relu
} ebb_ending;

/// c[i, j] = sum over t of a[i, t] * b[t, j]; strides in elements; c's columns are contiguous.
/// Sums follow the contract: fused multiply-add from +0 in index order within blocks of 256
/// terms, then the blocks' sums added in order.
///
/// With an ending, y is made of the sums straight from the registers; c then only keeps the sums of
/// earlier blocks, and is not touched where k <= EBB_TERMS.
typedef struct ebb_matmul {
  const float *a;
  int64_t a_row, a_column;
  const float *b;
  int64_t b_row, b_column;
  float *c;
  int64_t c_row;
  int64_t m, n, k;
  ebb_ending ending;
  float *_Nullable y;               // null: there is no ending; may be c, and may be the operand
  int64_t y_row;
  const float *_Nullable operand;   // of EBB_END_ADD and after
  int64_t operand_row;              // 0: one row for all
  const float *_Nullable rate;      // of EBB_END_DESCEND: one number
} ebb_matmul;

// MARK: Reductions

typedef enum ebb_reduction { EBB_SUM, EBB_PRODUCT, EBB_MAX, EBB_MIN } ebb_reduction;

// MARK: Optimizers

/// A parameter of so many columns with its moments, and what Adam's update takes: one number each.
typedef struct ebb_adam {
  float *w, *m, *v;
  int64_t width;
  const float *beta1, *one_minus_beta1, *beta2, *one_minus_beta2;
  const float *rate, *correction, *epsilon;
} ebb_adam;

// MARK: The table of kernels

/// Every kernel of one instruction set. All ranges are half open.
typedef struct ebb_kernels {
  const char *name;  // "portable" or "avx2"

  /// Runs rows row_begin..<row_end, columns column_begin..<column_end of the chain's space.
  /// workspace: at least EBB_BLOCK * register_count floats, 64-byte aligned.
  void (*chain)(const ebb_chain *chain, int64_t row_begin, int64_t row_end, int64_t column_begin,
                int64_t column_end, float *workspace);

  /// Computes the given rectangle of c. workspace: at least matmul_workspace() floats.
  void (*matmul)(const ebb_matmul *product, int64_t row_begin, int64_t row_end,
                 int64_t column_begin, int64_t column_end, float *workspace);

  /// x is [outer, length, inner]; y is [outer, inner]: the middle is reduced, 16 lanes per chunk of
  /// 4,096 (see the contract). length 0 gives the neutral element (0, 1, -inf, +inf).
  /// Computes outer_begin..<outer_end, all of inner.
  void (*reduce)(ebb_reduction kind, const float *x, float *y, int64_t outer_begin,
                 int64_t outer_end, int64_t length, int64_t inner);

  /// y[o, i] = index of the first largest value along the middle (first NaN wins).
  void (*argmax)(const float *x, int32_t *y, int64_t outer_begin, int64_t outer_end,
                 int64_t length, int64_t inner);

  /// Row-wise, x and y are [rows, n]: m = max, e = exp(x - m), y = e / sum(e) (contract sum).
  /// A row whose max is -infinity gives zeros. y may be x.
  void (*softmax)(const float *x, float *y, int64_t row_begin, int64_t row_end, int64_t n);

  /// y[row] = m + log(sum(exp(x - m))); -infinity if m is.
  void (*log_sum_exp)(const float *x, float *y, int64_t row_begin, int64_t row_end, int64_t n);

  /// loss[row] = log(sum(exp(x - m))) - (x[label] - m), with m and sum as in softmax.
  /// A row whose max is -infinity, or whose label is outside 0..<n, gives loss 0.
  void (*softmax_cross_entropy)(const float *x, const int32_t *labels, float *loss,
                                int64_t row_begin, int64_t row_end, int64_t n);

  /// Value and gradient at once: loss as above; gradient[row, j] = (softmax[row, j] - (j == label ? 1 : 0))
  /// * scale[row * scale_stride]; scale_stride is 0 or 1. No -infinity check on labels: a label outside
  /// 0..<n subtracts nothing. gradient may be x.
  void (*softmax_cross_entropy_gradient)(const float *x, const int32_t *labels, const float *scale,
                                         int64_t scale_stride, float *loss, float *gradient,
                                         int64_t row_begin, int64_t row_end, int64_t n);

  /// y[row, :] = table[indices[row], :], width floats each. Indices outside 0..<table_rows give zeros.
  void (*gather_rows)(const float *table, int64_t table_rows, const int32_t *indices, float *y,
                      int64_t row_begin, int64_t row_end, int64_t width);

  /// y is [table_rows, width], overwritten: zeros, then y[indices[r], :] += x[r, :] for r in order.
  /// Columns column_begin..<column_end only. Indices outside are skipped.
  void (*scatter_add_rows)(const float *x, const int32_t *indices, int64_t count, float *y,
                           int64_t table_rows, int64_t width, int64_t column_begin,
                           int64_t column_end);

  /// y[r, j] = (j == indices[r]).
  void (*one_hot)(const int32_t *indices, float *y, int64_t row_begin, int64_t row_end,
                  int64_t classes);

  /// y (contiguous, of the given shape) = x read with the given element strides (0 = broadcast).
  /// rank 0...8. Rows are the product of all extents but the last; computes row_begin..<row_end.
  void (*copy_strided)(const float *x, float *y, int32_t rank, const int64_t *shape,
                       const int64_t *x_strides, const int64_t *y_strides, int64_t row_begin,
                       int64_t row_end);

  /// y[begin..<end] = value.
  void (*fill)(float value, float *y, int64_t begin, int64_t end);

  /// The words of philox4x32-10 with the counters (first + b, stream, low(step), high(step)) and the
  /// key (low(seed), high(seed)): words[4 * b + w] for b in 0..<blocks.
  void (*random_words)(uint64_t seed, uint32_t stream, uint64_t step, uint32_t first,
                       uint32_t *words, int64_t blocks);

  /// Uniform on [0, 1): element i is (word i % 4 of philox4x32-10 >> 8) * 2^-24, with
  /// counter = (i / 4, stream, low(step), high(step)) and key = (low(seed), high(seed)).
  void (*uniform)(uint64_t seed, uint32_t stream, uint64_t step, float *y, int64_t begin,
                  int64_t end);
  /// Standard normal by Box-Muller: words (0, 1) give elements 0 and 1, words (2, 3) elements 2 and 3:
  /// r = sqrt(-2 * log(((u >> 8) + 1) * 2^-24)), t = ((v >> 8) * 2^-24) * 6.2831855f,
  /// first = r * cos(t), second = r * sin(t).
  void (*normal)(uint64_t seed, uint32_t stream, uint64_t step, float *y, int64_t begin,
                 int64_t end);

  /// w = w - rate * g.
  void (*sgd)(float *w, const float *g, const float *rate, int64_t begin, int64_t end);

  /// m = beta1 * m + one_minus_beta1 * g;  v = beta2 * v + one_minus_beta2 * (g * g);
  /// w = w - (rate * m) / (sqrt(v) * correction + epsilon), in a rectangle of the parameter.
  /// Element (r, c) of the gradient is g[r * g_row + c].
  void (*adam)(const ebb_adam *update, const float *g, int64_t g_row, int64_t row_begin,
               int64_t row_end, int64_t column_begin, int64_t column_end);

  /// 192 floating-point operations a turn, as fast as the processor can: its limit.
  float (*multiply_adds)(int64_t turns);
} ebb_kernels;

/// The kernels of an instruction set by name ("portable", "avx2"); null if this machine or this
/// build lacks it.
const ebb_kernels *_Nullable ebb_kernels_named(const char *name);

/// The fastest kernels of this machine.
const ebb_kernels *ebb_kernels_best(void);

/// Floats of workspace that matmul needs for any rectangle of this product.
int64_t ebb_matmul_workspace(int64_t m, int64_t n, int64_t k);

/// Whether matmul packs a of these strides for a rectangle of m rows and n columns: then cuts between
/// columns cost something.
bool ebb_matmul_packs_a(int64_t m, int64_t n, int64_t k, int64_t a_row, int64_t a_column);

/// Calls rows of a table into the cache; rows outside it are passed over.
void ebb_prefetch_rows(const float *table, int64_t table_rows, const int32_t *indices, int64_t rows,
                       int64_t width);

/// The value of one elementwise operation on scalars, the same bits as in a chain.
/// Operands that the operation does not have are ignored.
float ebb_scalar(ebb_operation operation, float a, float b, float c);

/// Philox 4x32-10 (Salmon et al., 2011): four words from a counter and a key.
void ebb_philox(const uint32_t counter[_Nonnull 4], const uint32_t key[_Nonnull 2],
                uint32_t words[_Nonnull 4]);

#if defined(__clang__)
#pragma clang assume_nonnull end
#endif
#endif
