// The table of elementwise operations: one row each, as an expression in x, y, z. The rows make
// both the vector loops of a chain and the scalar entry point, which so cannot differ.
#ifndef EBB_OPERATIONS_H
#define EBB_OPERATIONS_H

#include "ebb_kernels.h"
#include "elementary.h"

#pragma STDC FP_CONTRACT OFF

EBB_INLINE float ebb_sign(float x) {
  return x > 0 ? 1.0f : (x < 0 ? -1.0f : (x == 0 ? 0.0f : x));
}

EBB_INLINE float ebb_binary_cross_entropy(float x, float y) {
  const float e = ebb_exp(ebb_negated(ebb_absolute(x)));
  return ((x > 0 ? x : 0.0f) - x * y) + ebb_log1p(e);
}

#define EBB_UNARY_OPERATIONS(ROW)        \
  ROW(EBB_COPY, x)                       \
  ROW(EBB_NEGATE, ebb_negated(x))        \
  ROW(EBB_ABS, ebb_absolute(x))          \
  ROW(EBB_SIGN, ebb_sign(x))             \
  ROW(EBB_RECIPROCAL, 1.0f / x)          \
  ROW(EBB_SQRT, ebb_sqrt(x))             \
  ROW(EBB_RSQRT, 1.0f / ebb_sqrt(x))     \
  ROW(EBB_EXP, ebb_exp(x))               \
  ROW(EBB_EXPM1, ebb_expm1(x))           \
  ROW(EBB_LOG, ebb_log(x))               \
  ROW(EBB_LOG1P, ebb_log1p(x))           \
  ROW(EBB_SIN, ebb_sin(x))               \
  ROW(EBB_COS, ebb_cos(x))               \
  ROW(EBB_ATAN, ebb_atan(x))             \
  ROW(EBB_TANH, ebb_tanh(x))             \
  ROW(EBB_SIGMOID, ebb_sigmoid(x))       \
  ROW(EBB_SOFTPLUS, ebb_softplus(x))     \
  ROW(EBB_ERF, ebb_erf(x))               \
  ROW(EBB_NORMAL_CDF, ebb_normal_cdf(x)) \
  ROW(EBB_NORMAL_DENSITY, ebb_normal_density(x)) \
  ROW(EBB_RELU, x <= 0 ? 0.0f : x)       \
  ROW(EBB_NOT, 1.0f - x)

#define EBB_BINARY_OPERATIONS(ROW)                                    \
  ROW(EBB_ADD, x + y)                                                 \
  ROW(EBB_SUBTRACT, x - y)                                            \
  ROW(EBB_MULTIPLY, (x * y))                                             \
  ROW(EBB_DIVIDE, x / y)                                              \
  ROW(EBB_POWER, ebb_power(x, y))                                     \
  ROW(EBB_MINIMUM, ebb_minimum(x, y))                                 \
  ROW(EBB_MAXIMUM, ebb_maximum(x, y))                                 \
  ROW(EBB_CHAIN_PRODUCT, ((x == 0) | (y == 0)) ? 0.0f : x * y)        \
  ROW(EBB_BINARY_CROSS_ENTROPY, ebb_binary_cross_entropy(x, y))       \
  ROW(EBB_EQUAL, x == y ? 1.0f : 0.0f)                                \
  ROW(EBB_NOT_EQUAL, x != y ? 1.0f : 0.0f)                            \
  ROW(EBB_LESS, x < y ? 1.0f : 0.0f)                                  \
  ROW(EBB_LESS_EQUAL, x <= y ? 1.0f : 0.0f)                           \
  ROW(EBB_GREATER, x > y ? 1.0f : 0.0f)                               \
  ROW(EBB_GREATER_EQUAL, x >= y ? 1.0f : 0.0f)                        \
  ROW(EBB_AND, (x * y))                                                  \
  ROW(EBB_OR, ebb_maximum(x, y))

#define EBB_TERNARY_OPERATIONS(ROW)                                   \
  ROW(EBB_SELECT, x != 0 ? y : z)                                     \
  ROW(EBB_CLIP, x < y ? y : (x > z ? z : x))

/// out[i] = operation(a[i], b[i], c[i]) for 16 * groups elements. `out` may be an operand.
static void ebb_run_operation(int operation, int64_t groups, float *out, const float *a,
                              const float *b, const float *c) {
  const int64_t count = groups * 16;
  switch (operation) {
#define EBB_ROW(NAME, EXPRESSION)           \
  case NAME:                                \
    EBB_LOOP for (int64_t i = 0; i < count; i++) { \
      const float x = a[i];                 \
      out[i] = EXPRESSION;                  \
    }                                       \
    break;
    EBB_UNARY_OPERATIONS(EBB_ROW)
#undef EBB_ROW
#define EBB_ROW(NAME, EXPRESSION)           \
  case NAME:                                \
    EBB_LOOP for (int64_t i = 0; i < count; i++) { \
      const float x = a[i], y = b[i];       \
      out[i] = EXPRESSION;                  \
    }                                       \
    break;
    EBB_BINARY_OPERATIONS(EBB_ROW)
#undef EBB_ROW
#define EBB_ROW(NAME, EXPRESSION)             \
  case NAME:                                  \
    EBB_LOOP for (int64_t i = 0; i < count; i++) { \
      const float x = a[i], y = b[i], z = c[i]; \
      out[i] = EXPRESSION;                    \
    }                                         \
    break;
    EBB_TERNARY_OPERATIONS(EBB_ROW)
#undef EBB_ROW
  }
}

/// The same rows on one value.
static float ebb_scalar_operation(int operation, float x, float y, float z) {
  switch (operation) {
#define EBB_ROW(NAME, EXPRESSION) \
  case NAME:                      \
    return EXPRESSION;
    EBB_UNARY_OPERATIONS(EBB_ROW)
    EBB_BINARY_OPERATIONS(EBB_ROW)
    EBB_TERNARY_OPERATIONS(EBB_ROW)
#undef EBB_ROW
  }
  return EBB_NAN;
}

/// How many operands an operation reads.
EBB_INLINE int ebb_operand_count(int operation) {
  return operation < EBB_ADD ? 1 : (operation < EBB_SELECT ? 2 : 3);
}

#endif
