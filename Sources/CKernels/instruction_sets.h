// What the instruction sets' files offer to kernels.c.
#ifndef EBB_INSTRUCTION_SETS_H
#define EBB_INSTRUCTION_SETS_H

#include "ebb_kernels.h"

extern const ebb_kernels ebb_kernels_portable;
float ebb_scalar_portable(int operation, float a, float b, float c);

#if defined(__x86_64__)
extern const ebb_kernels ebb_kernels_avx2;
float ebb_scalar_avx2(int operation, float a, float b, float c);
#endif

#endif
