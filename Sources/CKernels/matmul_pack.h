// Copies of parts of a and b in the order in which tiles read them.
#ifndef EBB_MATMUL_PACK_H
#define EBB_MATMUL_PACK_H

#include "ebb_kernels.h"
#include "matmul_layout.h"

#pragma STDC FP_CONTRACT OFF

/// Any panel of b, zeros where there are no columns.
static void ebb_pack_panel(const ebb_matmul *product, int64_t term, int64_t terms, int64_t column,
                           int64_t columns, float *packed) {
  const float *b = product->b + term * product->b_row + column * product->b_column;
  if (product->b_row == 1 && columns == EBB_PANEL) {
    ebb_pack_transposed(b, product->b_column, terms, packed);
  } else if (product->b_column == 1) {
    ebb_pack_narrow(b, product->b_row, terms, (int)columns, packed);
  } else {
    for (int64_t t = 0; t < terms; t++) {
      float *row = packed + t * EBB_PANEL;
      for (int64_t j = 0; j < columns; j++) row[j] = b[t * product->b_row + j * product->b_column];
      for (int64_t j = columns; j < EBB_PANEL; j++) row[j] = 0.0f;
    }
  }
}

/// Four panels of b in one pass. Where b's rows are pages apart, a panel at a time would touch every
/// page for one cache line.
static void ebb_pack_four_panels(const ebb_matmul *product, int64_t term, int64_t terms,
                                 int64_t column, float *packed) {
  for (int64_t t = 0; t < terms; t++) {
    const float *row = product->b + (term + t) * product->b_row + column;
    for (int p = 0; p < EBB_WIDE_PANELS; p++) {
      __builtin_memcpy(packed + p * EBB_PANEL_FLOATS + t * EBB_PANEL, row + p * EBB_PANEL,
                       EBB_PANEL * sizeof(float));
    }
  }
}

/// Rows in groups of nearly equal size: 6 6 5 5 5 5 rather than 6 6 6 6 6 2.
typedef struct ebb_groups {
  int64_t count, size, larger;
} ebb_groups;

EBB_INLINE ebb_groups ebb_groups_of(int64_t rows) {
  const int64_t count = (rows + EBB_TILE_ROWS - 1) / EBB_TILE_ROWS;
  return (ebb_groups){count, rows / count, rows % count};
}

EBB_INLINE int64_t ebb_group_rows(const ebb_groups *groups, int64_t group) {
  return groups->size + (group < groups->larger ? 1 : 0);
}

/// A block of rows and terms of a: in place, or packed.
typedef struct ebb_block_of_a {
  const float *data;
  int64_t row, column;
  /// Packed by groups: for each term the rows of a group side by side, as a tile reads them.
  bool grouped;
} ebb_block_of_a;

/// One group of rows, packed. `spare`: memory of a that may be read goes on for eight rows.
EBB_INLINE void ebb_pack_group(const ebb_block_of_a *block, int64_t rows, int64_t terms, bool spare,
                               float *packed) {
  const float *a = block->data;
  int64_t t = 0;
  // Eight rows at a time are read and written; the next term overwrites what is too much.
  if (spare && block->row == 1) {
    for (; t + 2 < terms; t++) {
      __builtin_memcpy(packed + t * rows, a + t * block->column, 8 * sizeof(float));
    }
  } else if (spare && block->column == 1) {
    for (; t + 10 < terms; t += 8) ebb_transpose_eight(a + t, block->row, packed + t * rows, rows);
  }
  for (; t < terms; t++) {
    for (int64_t r = 0; r < rows; r++) packed[t * rows + r] = a[r * block->row + t * block->column];
  }
}

/// The block of a, packed where it is read often enough: packed, a tile reads one stream instead of
/// six rows, or of a few bytes in each line.
static ebb_block_of_a ebb_take_block(const ebb_matmul *product, int64_t row, int64_t rows,
                                     int64_t term, int64_t terms, int64_t columns,
                                     float *workspace) {
  ebb_block_of_a block = {product->a + row * product->a_row + term * product->a_column,
                          product->a_row, product->a_column, false};
  if (!ebb_packs_a(rows, columns, product->k, block.row, block.column)) return block;
  const ebb_groups groups = ebb_groups_of(rows);
  float *packed = workspace;
  for (int64_t g = 0; g < groups.count; g++) {
    const int64_t count = ebb_group_rows(&groups, g);
    // The rows behind the last group may not exist.
    const bool spare = count >= 3 && g + 2 < groups.count;
    ebb_pack_group(&block, count, terms, spare, packed);
    block.data += count * block.row;
    packed += count * terms;
  }
  return (ebb_block_of_a){workspace, 1, 0, true};
}

#endif
