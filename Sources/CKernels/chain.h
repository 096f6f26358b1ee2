// Runs a fused chain of elementwise operations: bytecode over blocks that stay in the first
// cache. Operands in memory are read where they lie, and a result that is an output is written
// where it belongs, so a chain touches memory once per operand and output.
#ifndef EBB_CHAIN_H
#define EBB_CHAIN_H

#include "operations.h"

#pragma STDC FP_CONTRACT OFF

/// What holds for every block of one call.
typedef struct ebb_chain_plan {
  const ebb_chain *chain;
  float *workspace;
  /// The output that a register's step writes in place, or -1.
  int16_t direct[EBB_MAX_REGISTERS];
  /// Operands that are copied aside at the start of a block, because outputs overwrite them
  /// while another output still needs them.
  bool staged[EBB_MAX_REGISTERS];
  /// Whether blocks are several rows that do not lie side by side: all is copied in and out.
  bool apart;
} ebb_chain_plan;

EBB_INLINE float *ebb_chain_slot(const ebb_chain_plan *plan, int32_t index) {
  return plan->workspace + (int64_t)index * EBB_BLOCK;
}

/// The last step that reads a register, or -1.
static int32_t ebb_chain_last_read(const ebb_chain *chain, int32_t index) {
  for (int32_t s = chain->step_count - 1; s >= 0; s--) {
    const ebb_chain_step *step = &chain->steps[s];
    const int operands = ebb_operand_count(step->operation);
    if (step->a == index || (operands > 1 && step->b == index) ||
        (operands > 2 && step->c == index)) {
      return s;
    }
  }
  return -1;
}

/// Whether the step may write the output's memory at once: no operand lies there that a later
/// step reads.
static bool ebb_chain_may_write(const ebb_chain_plan *plan, int32_t step, const float *memory) {
  const ebb_chain *chain = plan->chain;
  for (int32_t o = 0; o < chain->operand_count; o++) {
    if (chain->operands[o].data == memory && !plan->staged[o] &&
        ebb_chain_last_read(chain, o) > step) {
      return false;
    }
  }
  return true;
}

static void ebb_chain_prepare(ebb_chain_plan *plan, const ebb_chain *chain, float *workspace) {
  plan->chain = chain;
  plan->workspace = workspace;
  plan->apart = false;
  for (int32_t r = 0; r < chain->register_count; r++) {
    plan->direct[r] = -1;
    plan->staged[r] = false;
  }
  for (int32_t k = 0; k < chain->output_count; k++) {
    const int32_t source = chain->outputs[k].source;
    if (source >= chain->operand_count) continue;
    for (int32_t j = 0; j < chain->output_count; j++) {
      if (chain->outputs[j].data == chain->operands[source].data) plan->staged[source] = true;
    }
  }
  for (int32_t k = 0; k < chain->output_count; k++) {
    const int32_t source = chain->outputs[k].source;
    if (source < chain->operand_count || plan->direct[source] >= 0) continue;
    for (int32_t s = 0; s < chain->step_count; s++) {
      if (chain->steps[s].target == source) {
        if (ebb_chain_may_write(plan, s, chain->outputs[k].data)) plan->direct[source] = (int16_t)k;
        break;
      }
    }
  }
}

/// Rows of `width` floats, from one distance to another.
static void ebb_chain_copy_rows(float *to, int64_t to_row, const float *from, int64_t from_row,
                                int64_t rows, int64_t width) {
  for (int64_t r = 0; r < rows; r++) {
    __builtin_memcpy(to + r * to_row, from + r * from_row, (size_t)width * sizeof(float));
  }
}

static void ebb_chain_fill(float *y, float value, int64_t count) {
  EBB_LOOP for (int64_t i = 0; i < count; i++) y[i] = value;
}

/// Where a block's operand can be read: in place, or from its slot after filling it.
static float *ebb_chain_operand_block(const ebb_chain_plan *plan, int32_t index, int64_t row,
                                      int64_t column, int64_t rows, int64_t width) {
  const ebb_chain *chain = plan->chain;
  const ebb_chain_operand *operand = &chain->operands[index];
  float *slot = ebb_chain_slot(plan, index);
  const int64_t count = rows * width;
  switch (operand->access) {
    case EBB_SCALAR:
      return slot;  // filled once per call
    case EBB_PER_COLUMN:
      if (rows > 1) return slot;  // filled once per call
      if (!plan->staged[index]) return operand->data + column;
      __builtin_memcpy(slot, operand->data + column, (size_t)count * sizeof(float));
      return slot;
    case EBB_PER_ROW:
      for (int64_t r = 0; r < rows; r++) {
        ebb_chain_fill(slot + r * width, operand->data[row + r], width);
      }
      return slot;
    default: {
      float *data = operand->data + (row * chain->inner + column);
      if (plan->apart) {
        ebb_chain_copy_rows(slot, width, data, chain->inner, rows, width);
        return slot;
      }
      if (!plan->staged[index]) return data;
      __builtin_memcpy(slot, data, (size_t)count * sizeof(float));
      return slot;
    }
  }
}

/// One step; the last partial group goes through padded copies, so that no loop has a slow end.
static void ebb_chain_step_block(int operation, int64_t count, float *out, const float *a,
                                 const float *b, const float *c) {
  const int64_t groups = count / 16;
  if (groups > 0) ebb_run_operation(operation, groups, out, a, b, c);
  const int64_t done = groups * 16;
  if (done == count) return;
  float tail[4][16];
  const int64_t left = count - done;
  const int operands = ebb_operand_count(operation);
  ebb_load_part(tail[0], a + done, left, 0.0f);
  if (operands > 1) ebb_load_part(tail[1], b + done, left, 0.0f);
  if (operands > 2) ebb_load_part(tail[2], c + done, left, 0.0f);
  ebb_run_operation(operation, 1, tail[3], tail[0], tail[1], tail[2]);
  ebb_store_part(out + done, tail[3], left);
}

/// Rows row ..< row + rows, columns column ..< column + width.
static void ebb_chain_block(const ebb_chain_plan *plan, int64_t row, int64_t column, int64_t rows,
                            int64_t width) {
  const ebb_chain *chain = plan->chain;
  const int64_t count = rows * width;
  const int64_t offset = row * chain->inner + column;
  float *registers[EBB_MAX_REGISTERS];
  for (int32_t o = 0; o < chain->operand_count; o++) {
    registers[o] = ebb_chain_operand_block(plan, o, row, column, rows, width);
  }
  for (int32_t s = 0; s < chain->step_count; s++) {
    const ebb_chain_step *step = &chain->steps[s];
    const int operands = ebb_operand_count(step->operation);
    const int16_t output = plan->apart ? -1 : plan->direct[step->target];
    float *out = output >= 0 ? chain->outputs[output].data + offset
                             : ebb_chain_slot(plan, step->target);
    const float *a = registers[step->a];
    const float *b = operands > 1 ? registers[step->b] : a;
    const float *c = operands > 2 ? registers[step->c] : a;
    registers[step->target] = out;
    ebb_chain_step_block(step->operation, count, out, a, b, c);
  }
  for (int32_t k = 0; k < chain->output_count; k++) {
    float *out = chain->outputs[k].data + offset;
    const float *source = registers[chain->outputs[k].source];
    if (plan->apart) {
      ebb_chain_copy_rows(out, chain->inner, source, width, rows, width);
    } else if (out != source) {
      __builtin_memcpy(out, source, (size_t)count * sizeof(float));
    }
  }
}

static void ebb_chain_run(const ebb_chain *chain, int64_t row_begin, int64_t row_end,
                          int64_t column_begin, int64_t column_end, float *workspace) {
  if (row_begin >= row_end || column_begin >= column_end) return;
  ebb_chain_plan plan;
  ebb_chain_prepare(&plan, chain, workspace);
  const int64_t inner = chain->inner;
  const bool whole_rows = column_begin == 0 && column_end == inner;
  bool flat = whole_rows;
  for (int32_t o = 0; o < chain->operand_count; o++) {
    const int32_t access = chain->operands[o].access;
    if (access == EBB_SCALAR) {
      ebb_chain_fill(ebb_chain_slot(&plan, o), chain->operands[o].data[0], EBB_BLOCK);
    } else if (access != EBB_CONTIGUOUS) {
      flat = false;
    }
  }

  if (flat) {  // rows mean nothing: one long row
    for (int64_t i = row_begin * inner; i < row_end * inner; i += EBB_BLOCK) {
      const int64_t left = row_end * inner - i;
      ebb_chain_block(&plan, 0, i, 1, left < EBB_BLOCK ? left : EBB_BLOCK);
    }
    return;
  }
  const int64_t width = column_end - column_begin;
  if (width > EBB_BLOCK / 2) {
    for (int64_t r = row_begin; r < row_end; r++) {
      for (int64_t i = column_begin; i < column_end; i += EBB_BLOCK) {
        const int64_t left = column_end - i;
        ebb_chain_block(&plan, r, i, 1, left < EBB_BLOCK ? left : EBB_BLOCK);
      }
    }
    return;
  }
  // Many short rows a block, their number such that blocks end on whole groups where possible.
  plan.apart = !whole_rows;
  int64_t rows = EBB_BLOCK / width;
  const int64_t aligned = rows & ~(int64_t)15;
  if (aligned > 0) rows = aligned;
  if (rows > row_end - row_begin) rows = row_end - row_begin;
  for (int32_t o = 0; o < chain->operand_count; o++) {
    if (chain->operands[o].access != EBB_PER_COLUMN || rows == 1) continue;
    ebb_chain_copy_rows(ebb_chain_slot(&plan, o), width, chain->operands[o].data + column_begin, 0,
                        rows, width);
  }
  for (int64_t r = row_begin; r < row_end; r += rows) {
    const int64_t left = row_end - r;
    ebb_chain_block(&plan, r, column_begin, left < rows ? left : rows, width);
  }
}

#endif
