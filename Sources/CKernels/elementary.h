// Elementary functions in Float32, without branches, so that the same source serves one value
// and a vector of them, and gives the same bits on every machine.
//
// Polynomials are minimax fits (Remez, coefficients rounded to float one after the other);
// measured errors stand in Documentation/NumericContract.md.
#ifndef EBB_ELEMENTARY_H
#define EBB_ELEMENTARY_H

#include "arithmetic.h"

#pragma STDC FP_CONTRACT OFF

#define EBB_INFINITY __builtin_inff()
#define EBB_NAN __builtin_nanf("")

// ln 2 in two parts; the first has 16 bits, so that its product with an exponent is exact.
#define EBB_LN2_HIGH 0x1.62e4p-1f
#define EBB_LN2_LOW 0x1.7f7d1cp-20f
// Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
#define EBB_ROUND 0x1.8p23f
#define EBB_ROUND_WIDE 0x1.8p52

// MARK: Exponentials

/// x = count * ln 2 + rest, |rest| <= ln 2 / 2. |x| must be below 2^15 (or NaN).
EBB_INLINE void ebb_reduce_exponent(float x, int32_t *count, float *whole, float *rest) {
  const float shifted = ebb_fma(x, 0x1.715476p+0f, EBB_ROUND);
  *count = (int32_t)(ebb_bits(shifted) - ebb_bits(EBB_ROUND));
  *whole = shifted - EBB_ROUND;
  *rest = ebb_fma(*whole, -EBB_LN2_LOW, ebb_fma(*whole, -EBB_LN2_HIGH, x));
}

/// 2^count for -126 <= count <= 127.
EBB_INLINE float ebb_power_of_two(int32_t count) {
  return ebb_from_bits(((uint32_t)count + 127u) << 23);
}

EBB_INLINE float ebb_exp(float x) {
  // Beyond these bounds the result is 0 or infinity; NaN passes both comparisons.
  const float low = x < -104.0f ? -104.0f : x;
  const float bounded = low > 89.0f ? 89.0f : low;
  int32_t count;
  float whole, r;
  ebb_reduce_exponent(bounded, &count, &whole, &r);
  float q = 0x1.6a48fep-10f;
  q = ebb_fma(q, r, 0x1.12399cp-7f);
  q = ebb_fma(q, r, 0x1.5558b4p-5f);
  q = ebb_fma(q, r, 0x1.555492p-3f);
  q = ebb_fma(q, r, 0x1.fffffcp-2f);
  const float y = ebb_fma(q * r, r, r) + 1.0f;
  // Two factors, since 2^128 and 2^-150 are no floats; only the second product rounds. The
  // unsigned shift halves downwards once the count is made positive (and a NaN's count is any).
  const int32_t half = (int32_t)(((uint32_t)count + 512u) >> 1) - 256;
  return (y * ebb_power_of_two(half)) *
         ebb_power_of_two((int32_t)((uint32_t)count - (uint32_t)half));
}

EBB_INLINE float ebb_expm1(float x) {
  const float low = x < -20.0f ? -20.0f : x;
  const float bounded = low > 89.0f ? 89.0f : low;
  int32_t count;
  float whole, r;
  ebb_reduce_exponent(bounded, &count, &whole, &r);
  // What rounding `rest` lost matters here, where nothing larger is added.
  const float high = ebb_fma(whole, -EBB_LN2_HIGH, bounded);
  const float lost = ebb_fma(whole, -EBB_LN2_LOW, high - r);
  float q = 0x1.6b9ca8p-10f;
  q = ebb_fma(q, r, 0x1.122560p-7f);
  q = ebb_fma(q, r, 0x1.5556f2p-5f);
  q = ebb_fma(q, r, 0x1.5554b4p-3f);
  q = ebb_fma(q, r, 0x1.fffffep-2f);
  const float tail = ebb_fma(q * r, r, lost);
  // e^x - 1 = 2 (2^(n-1) (r + tail) + (2^(n-1) - 1/2)); n - 1 because 2^128 is no float.
  const float scale = ebb_power_of_two(count - 1);
  const float base = scale - 0.5f;
  const float sum = base + scale * r;
  // The part of scale * r that the sum dropped (exact when |base| >= |scale * r|, or base = 0).
  const float dropped = ebb_fma(scale, r, base - sum);
  const float y = 2.0f * (sum + ebb_fma(scale, tail, dropped));
  // Halving a tiny x would lose its last bits.
  return ebb_absolute(x) < 0x1p-24f ? x : y;
}

// MARK: Logarithms

/// log(1 + f) + exponent * ln 2, for sqrt(1/2) - 1 <= f <= sqrt(2) - 1.
EBB_INLINE float ebb_log_of_fraction(float f, float exponent) {
  float q = -0x1.384fe0p-4f;
  q = ebb_fma(q, f, 0x1.087d7ap-3f);
  q = ebb_fma(q, f, -0x1.0f4cb2p-3f);
  q = ebb_fma(q, f, 0x1.226b32p-3f);
  q = ebb_fma(q, f, -0x1.542422p-3f);
  q = ebb_fma(q, f, 0x1.99a428p-3f);
  q = ebb_fma(q, f, -0x1.000438p-2f);
  q = ebb_fma(q, f, 0x1.555550p-2f);
  q = ebb_fma(q, f, -0x1.fffff8p-2f);
  const float tail = ebb_fma(q * f, f, exponent * EBB_LN2_LOW);
  return ebb_fma(exponent, EBB_LN2_HIGH, f + tail);
}

/// The exponent that brings u into sqrt(1/2) ..< sqrt(2); u normal and positive.
EBB_INLINE int32_t ebb_exponent(float u) {
  return (int32_t)(ebb_bits(u) - 0x3f3504f3u) >> 23;
}

EBB_INLINE float ebb_log(float x) {
  const bool tiny = x < 0x1p-126f;
  const float u = tiny ? x * 0x1p23f : x;
  const int32_t exponent = ebb_exponent(u);
  const float fraction = ebb_from_bits(ebb_bits(u) - ((uint32_t)exponent << 23));
  const float shift = tiny ? -23.0f : 0.0f;
  const float y = ebb_log_of_fraction(fraction - 1.0f, (float)exponent + shift);
  const float special = x == 0 ? -EBB_INFINITY : (x < 0 ? EBB_NAN : x);
  return x > 0 && x < EBB_INFINITY ? y : special;
}

EBB_INLINE float ebb_log1p(float x) {
  // f = (1 + x) 2^-e - 1, rounded once. Beyond 2^60 the 1 is nothing, and x is scaled so that
  // 2^-e stays normal.
  const bool big = x > 0x1p60f;
  const float scaled = big ? x * 0x1p-64f : x;
  const float one = big ? 0.0f : 1.0f;
  const float u = one + scaled;
  const int32_t exponent = ebb_exponent(u);
  const float scale = ebb_from_bits(0x3f800000u - ((uint32_t)exponent << 23));
  const float f = ebb_fma(scaled, scale, one * scale - 1.0f);
  const float shift = big ? 64.0f : 0.0f;
  const float y = ebb_log_of_fraction(f, (float)exponent + shift);
  const float special = x == -1.0f ? -EBB_INFINITY : (x < -1.0f ? EBB_NAN : x);
  return x > -1.0f && x < EBB_INFINITY && x != 0 ? y : special;
}

// MARK: Functions of neurons

EBB_INLINE float ebb_tanh(float x) {
  const float t = ebb_absolute(x);
  const float z = t * t;
  float p = -0x1.750ce2p-8f;
  p = ebb_fma(p, z, 0x1.51f8cep-6f);
  p = ebb_fma(p, z, -0x1.b835a4p-5f);
  p = ebb_fma(p, z, 0x1.1106f6p-3f);
  p = ebb_fma(p, z, -0x1.555532p-2f);
  const float near = ebb_fma(p * z, t, t);
  const float bounded = t > 10.0f ? 10.0f : t;
  const float far = 1.0f - 2.0f / (ebb_exp(2.0f * bounded) + 1.0f);
  return ebb_with_sign(t < 0.625f ? near : far, x);
}

EBB_INLINE float ebb_sigmoid(float x) {
  const float e = ebb_exp(ebb_negated(ebb_absolute(x)));
  const float above = x < 0 ? e : 1.0f;
  // above / (1 + e), with what rounding 1 + e and the quotient lost put back.
  const float below = 1.0f + e;
  const float lost = e - (below - 1.0f);
  const float inverse = 1.0f / below;
  const float y = above * inverse;
  const float rest = ebb_fma(-y, lost, ebb_fma(-y, below, above));
  return ebb_fma(rest, inverse, y);
}

EBB_INLINE float ebb_softplus(float x) {
  const float e = ebb_exp(ebb_negated(ebb_absolute(x)));
  return (x > 0 ? x : 0.0f) + ebb_log1p(e);
}

EBB_INLINE float ebb_erf(float x) {
  const float t = ebb_absolute(x);
  const float z = t * t;
  float p = 0x1.4f6760p-14f;
  p = ebb_fma(p, z, -0x1.a60a2ep-11f);
  p = ebb_fma(p, z, 0x1.544a1ap-8f);
  p = ebb_fma(p, z, -0x1.b8011ap-6f);
  p = ebb_fma(p, z, 0x1.ce2d64p-4f);
  p = ebb_fma(p, z, -0x1.812740p-2f);
  p = ebb_fma(p, z, 0x1.06eba8p-3f);
  const float near = ebb_fma(p, t, t);
  // erf(t) = 1 - exp(-t - t q(t)); from 3.92 on it rounds to 1.
  const float b = t > 4.0f ? 4.0f : t;
  float q = -0x1.c0c5a2p-13f;
  q = ebb_fma(q, b, 0x1.a56532p-9f);
  q = ebb_fma(q, b, -0x1.7707c8p-6f);
  q = ebb_fma(q, b, 0x1.af271ep-4f);
  q = ebb_fma(q, b, 0x1.457cdep-1f);
  q = ebb_fma(q, b, 0x1.07328ap-3f);
  const float far = 1.0f - ebb_exp(ebb_negated(ebb_fma(q, b, b)));
  return ebb_with_sign(t < 0.927734375f ? near : far, x);
}

// MARK: Trigonometry

EBB_INLINE float ebb_atan(float x) {
  const float t = ebb_absolute(x);
  const bool large = t > 1.0f;  // atan(t) = pi / 2 + atan(-1 / t)
  const float r = large ? -1.0f / t : t;
  const float z = r * r;
  float p = -0x1.d35742p-10f;
  p = ebb_fma(p, z, 0x1.6423dep-7f);
  p = ebb_fma(p, z, -0x1.fd7d9cp-6f);
  p = ebb_fma(p, z, 0x1.da29f4p-5f);
  p = ebb_fma(p, z, -0x1.58091ap-4f);
  p = ebb_fma(p, z, 0x1.c08c4ep-4f);
  p = ebb_fma(p, z, -0x1.242086p-3f);
  p = ebb_fma(p, z, 0x1.9991e4p-3f);
  p = ebb_fma(p, z, -0x1.55553ep-2f);
  const float base = large ? 0x1.921fb6p+0f : 0.0f;
  const float base_low = large ? -0x1.777a5cp-25f : 0.0f;
  const float y = base + (ebb_fma(p * z, r, base_low) + r);
  return ebb_with_sign(y, x);
}

/// sin(x + quadrants * pi / 2).
///
/// The reduction is in double, pi / 2 in three parts of 33 bits: full accuracy to |x| = 1e6,
/// an absolute error of about |x| * 1e-16 beyond, no digits from 2^52 on (bounded still).
EBB_INLINE float ebb_sin_shifted(float x, uint32_t quadrants) {
  const double wide = (double)x;
  const double shifted = wide * 0x1.45f306dc9c883p-1 + EBB_ROUND_WIDE;
  const double n = shifted - EBB_ROUND_WIDE;
  const uint32_t quadrant = (uint32_t)ebb_bits_wide(shifted) + quadrants;
  const double rest =
      ((wide - n * 0x1.921fb544p+0) - n * 0x1.0b4611a6p-34) - n * 0x1.3198a2e037073p-69;
  const float low = (float)rest < -0.7854f ? -0.7854f : (float)rest;
  const float r = low > 0.7854f ? 0.7854f : low;
  const float z = r * r;
  float s = -0x1.9952fep-13f;
  s = ebb_fma(s, z, 0x1.110776p-7f);
  s = ebb_fma(s, z, -0x1.555546p-3f);
  s = ebb_fma(s * z, r, r);
  float c = 0x1.99e80cp-16f;
  c = ebb_fma(c, z, -0x1.6c0c28p-10f);
  c = ebb_fma(c, z, 0x1.55554ap-5f);
  c = ebb_fma(c * z, z, ebb_fma(z, -0.5f, 1.0f));
  const float y = (quadrant & 1) != 0 ? c : s;
  return ebb_from_bits(ebb_bits(y) ^ ((quadrant & 2) << 30));
}

EBB_INLINE float ebb_sin(float x) { return x == 0 ? x : ebb_sin_shifted(x, 0); }

EBB_INLINE float ebb_cos(float x) { return ebb_sin_shifted(x, 1); }

// MARK: Power

/// 2^v in double, relative error about 1e-13; v in -200 ... 200.
EBB_INLINE double ebb_exp2_wide(double v) {
  const double shifted = v + EBB_ROUND_WIDE;
  const double r = v - (shifted - EBB_ROUND_WIDE);
  double p = 0x1.e8cac7351bb25p-32;
  p = p * r + 0x1.e4cf5158b8ecap-28;
  p = p * r + 0x1.b5253d395e7c4p-24;
  p = p * r + 0x1.62c0223a5c824p-20;
  p = p * r + 0x1.ffcbfc588b0c7p-17;
  p = p * r + 0x1.430912f86c787p-13;
  p = p * r + 0x1.5d87fe78a6731p-10;
  p = p * r + 0x1.3b2ab6fba4e77p-7;
  p = p * r + 0x1.c6b08d704a0c0p-5;
  p = p * r + 0x1.ebfbdff82c58fp-3;
  p = p * r + 0x1.62e42fefa39efp-1;
  p = p * r + 1.0;
  return p * ebb_from_bits_wide((ebb_bits_wide(shifted) + 1023u) << 52);
}

/// log2(x) in double, relative error about 1e-13; x positive and finite.
EBB_INLINE double ebb_log2_wide(double x) {
  // The exponent relative to sqrt(1/2), kept positive by 2,048 so that every step is unsigned
  // (AVX2 has neither a signed 64-bit shift nor a 64-bit conversion).
  const uint64_t bits = ebb_bits_wide(x);
  const uint64_t exponent = (bits - 0x3fe6a09e667f3bcdull + (2048ull << 52)) >> 52;
  const double m = ebb_from_bits_wide(bits - ((exponent - 2048u) << 52));
  const double e = ebb_from_bits_wide(0x4330000000000000ull | exponent) - (0x1p52 + 2048.0);
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double p = 0x1.3703c1f4d0ffep-3;
  p = p * z + 0x1.5b9ac9b743f0dp-3;
  p = p * z + 0x1.89f3b1694cffep-3;
  p = p * z + 0x1.c68f568d31760p-3;
  p = p * z + 0x1.0c9a84994022dp-2;
  p = p * z + 0x1.484b13d7c02a9p-2;
  p = p * z + 0x1.a61762a7aded9p-2;
  p = p * z + 0x1.2776c50ef9bfep-1;
  p = p * z + 0x1.ec709dc3a03fdp-1;
  p = p * z + 0x1.71547652b82fep+1;
  return e + s * p;
}

EBB_INLINE float ebb_power(float x, float y) {
  const float t = ebb_absolute(x);
  const float s = ebb_absolute(y);
  const double finite = ebb_log2_wide((double)(t > 0 ? t : 1.0f));
  const double edge = t == 0 ? (double)-EBB_INFINITY : (double)EBB_INFINITY;
  const double logarithm = t > 0 && t < EBB_INFINITY ? finite : edge;
  const double v = (double)y * logarithm;
  const double low = v < -200.0 ? -200.0 : v;
  const double magnitude = ebb_exp2_wide(low > 200.0 ? 200.0 : low);
  // Floats from 2^24 on are even integers; infinity counts as one.
  const bool large = s >= 0x1p24f;
  const int32_t whole = (int32_t)(s < 0x1p24f ? s : 0.0f);
  const bool integer = large || (float)whole == s;
  const bool odd = !large && integer && (whole & 1) != 0;
  const float positive = t == 1.0f ? 1.0f : (float)magnitude;
  const float value = odd ? ebb_with_sign(positive, x) : positive;
  const bool undefined = x < 0 && x > -EBB_INFINITY && !integer;
  const float real = undefined ? EBB_NAN : value;
  const float known = x != x || y != y ? x + y : real;
  return y == 0 || x == 1.0f ? 1.0f : known;
}

// MARK: The normal distribution

/// exp(-x^2 / 2) in double, and |x|, held to 15: beyond, both functions are 0 in float.
EBB_INLINE double ebb_bell_wide(float x, double *t) {
  const float magnitude = ebb_absolute(x);
  *t = (double)(magnitude > 15.0f ? 15.0f : magnitude);
  return ebb_exp2_wide(*t * *t * -0x1.71547652b82fep-1);
}

/// The standard normal distribution function, in double and rounded once: exp(-t^2 / 2) g(t) for
/// x = -t, where g is a polynomial in 1 / (1 + t / 5).
EBB_INLINE float ebb_normal_cdf(float x) {
  double t;
  const double bell = ebb_bell_wide(x, &t);
  const double s = 1.0 / (1.0 + 0.2 * t);
  double p = 0x1.733e30f0c5119p-6;
  p = p * s - 0x1.116cad094f8eep-3;
  p = p * s + 0x1.325cf7b45246dp-2;
  p = p * s - 0x1.694bf06e310bdp-2;
  p = p * s + 0x1.52a0abc6f18b8p-2;
  p = p * s - 0x1.19fec32870e77p-3;
  p = p * s + 0x1.ef0003eff3f6ap-4;
  p = p * s + 0x1.4df3fbbde0714p-5;
  p = p * s + 0x1.2fd2d8c724422p-4;
  p = p * s + 0x1.37ad530bfc8ccp-4;
  p = p * s + 0x1.46f75ba2988fbp-4;
  p = p * s + 0x1.46cefeb1099f5p-4;
  const double tail = bell * (p * s);
  const float y = (float)(x > 0 ? 1.0 - tail : tail);
  return x != x ? x : y;
}

/// The density of the standard normal distribution.
EBB_INLINE float ebb_normal_density(float x) {
  double t;
  const float y = (float)(ebb_bell_wide(x, &t) * 0x1.9884533d43651p-2);
  return x != x ? x : y;
}

#endif
