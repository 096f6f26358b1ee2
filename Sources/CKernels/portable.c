// The kernels in plain C, for any machine: the meaning of the numeric contract. On arm64 this
// is the fast path too, since vectors and fused multiply-add are part of the base set there.
#include "portable_tile.h"
#include "table.h"

#include "instruction_sets.h"

#pragma STDC FP_CONTRACT OFF

const ebb_kernels ebb_kernels_portable = EBB_KERNELS_TABLE("portable");

float ebb_scalar_portable(int operation, float a, float b, float c) {
  return ebb_scalar_operation(operation, a, b, c);
}
