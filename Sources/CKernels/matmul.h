// The matrix product's driver: cuts a rectangle of c into row blocks, blocks of 256 terms and
// panels of 16 columns, and runs tiles over them. The blocks of terms are the contract's; every
// other cut only serves the caches, and no sum depends on it.
#ifndef EBB_MATMUL_H
#define EBB_MATMUL_H

#include "ebb_kernels.h"
#include "matmul_layout.h"

#pragma STDC FP_CONTRACT OFF

/// With fewer row groups than this, reading b in place is cheaper than packing it on the way.
#define EBB_PACKING_GROUPS 3

/// Any panel, zeros where there are no columns.
static void ebb_pack_panel(const ebb_matmul *product, int64_t term, int64_t terms,
                           int64_t column, int64_t columns, float *packed) {
  const float *b = product->b + term * product->b_row + column * product->b_column;
  if (product->b_row == 1 && columns == EBB_PANEL) {
    ebb_pack_transposed(b, product->b_column, terms, packed);
    return;
  }
  for (int64_t t = 0; t < terms; t++) {
    float *row = packed + t * EBB_PANEL;
    for (int64_t j = 0; j < columns; j++) row[j] = b[t * product->b_row + j * product->b_column];
    for (int64_t j = columns; j < EBB_PANEL; j++) row[j] = 0.0f;
  }
}

/// One row block and term block of a, in place or packed.
typedef struct ebb_block_of_a {
  const float *data;
  int64_t row, column;
} ebb_block_of_a;

EBB_INLINE bool ebb_strides_thrash(int64_t stride) { return stride >= 512 && stride % 512 == 0; }

/// Packs the block where its rows lie a multiple of 2 kB apart and are read often: such rows
/// share so few sets of the second cache that it would hold a fraction of them.
static ebb_block_of_a ebb_take_block(const ebb_matmul *product, int64_t row, int64_t rows,
                                     int64_t term, int64_t terms, int64_t columns,
                                     float *workspace) {
  ebb_block_of_a block = {product->a + row * product->a_row + term * product->a_column,
                          product->a_row, product->a_column};
  if (rows < EBB_A_PACKING_ROWS || columns < EBB_A_PACKING_COLUMNS ||
      product->k < EBB_A_PACKING_TERMS) {
    return block;
  }
  const bool by_rows = block.column == 1 && ebb_strides_thrash(block.row);
  const bool by_terms = block.row == 1 && ebb_strides_thrash(block.column);
  if (!by_rows && !by_terms) return block;
  const int64_t lines = by_rows ? rows : terms, length = by_rows ? terms : rows;
  const int64_t stride = by_rows ? block.row : block.column, packed = length + EBB_A_GAP;
  for (int64_t l = 0; l < lines; l++) {
    __builtin_memcpy(workspace + l * packed, block.data + l * stride,
                     (size_t)length * sizeof(float));
  }
  block.data = workspace;
  if (by_rows) {
    block.row = packed;
  } else {
    block.column = packed;
  }
  return block;
}

/// The width of the next tiles: narrow at the end, wide where few rows leave registers free.
EBB_INLINE int ebb_tile_width(int64_t rows, int64_t columns) {
  if (rows == 1 && EBB_WIDE_ROWS >= 1 && columns >= 64) return 64;
  if (rows <= EBB_WIDE_ROWS && columns >= 32) return 32;
  return columns > 8 ? 16 : 8;
}

/// Packs four panels in one pass over b. Where b's rows are pages apart, a panel at a time would
/// touch every page for one cache line.
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

/// All of a row block against one panel (or a few, for wide tiles), over one block of terms.
/// `packed` is the panel if it is packed already; otherwise the workspace takes it.
EBB_INLINE void ebb_matmul_panel(const ebb_matmul *product, const ebb_block_of_a *block,
                                 int64_t row, int64_t rows, int64_t term, int64_t terms,
                                 int64_t column, int width, int64_t columns, const float *packed,
                                 float *workspace) {
  const int64_t groups = (rows + EBB_TILE_ROWS - 1) / EBB_TILE_ROWS;
  ebb_tile tile = {
      .a = block->data,
      .a_row = block->row,
      .a_column = block->column,
      .b = product->b + term * product->b_row + column,
      .b_row = product->b_row,
      .b_panel = EBB_PANEL,
      .c_row = product->c_row,
      .terms = terms,
      .columns = (int)columns,
      .first = term == 0,
      .pack = NULL,
      .update = NULL,
      .rate = 0.0f,
  };
  const bool updates = product->update && term + terms == product->k;
  if (updates) tile.rate = product->rate[0];
  bool packing = false;
  if (packed) {
    tile.b = packed;
    tile.b_row = EBB_PANEL;
  } else if (product->b_column != 1 || columns < width) {
    for (int64_t p = 0; p * EBB_PANEL < columns; p++) {
      const int64_t left = columns - p * EBB_PANEL;
      ebb_pack_panel(product, term, terms, column + p * EBB_PANEL,
                     left < EBB_PANEL ? left : EBB_PANEL, workspace + p * EBB_PANEL_FLOATS);
    }
    tile.b = workspace;
    tile.b_row = EBB_PANEL;
    tile.b_panel = EBB_PANEL_FLOATS;
  } else {
    packing = width == EBB_PANEL && groups >= EBB_PACKING_GROUPS;
  }
  // Groups of nearly equal size: 6 6 5 5 5 5 rather than 6 6 6 6 6 2.
  const int64_t size = rows / groups, larger = rows % groups;
  int64_t r = row;
  for (int64_t g = 0; g < groups; g++) {
    const int64_t count = size + (g < larger ? 1 : 0);
    tile.c = product->c + r * product->c_row + column;
    if (updates) tile.update = product->update + r * product->c_row + column;
    tile.pack = packing && g == 0 ? workspace : NULL;
    ebb_run_tile((int)count, width, &tile);
    if (packing && g == 0) {
      tile.b = workspace;
      tile.b_row = EBB_PANEL;
    }
    tile.a += count * block->row;
    r += count;
  }
}

static void ebb_matmul_run(const ebb_matmul *product, int64_t row_begin, int64_t row_end,
                           int64_t column_begin, int64_t column_end, float *workspace) {
  if (row_begin >= row_end || column_begin >= column_end) return;
  if (product->k <= 0) {
    for (int64_t r = row_begin; r < row_end; r++) {
      for (int64_t j = column_begin; j < column_end; j++) {
        const int64_t place = r * product->c_row + j;
        if (product->update) {
          product->update[place] = product->update[place] - product->rate[0] * 0.0f;
        } else {
          product->c[place] = 0.0f;
        }
      }
    }
    return;
  }
  const int64_t rows = row_end - row_begin;
  const int64_t block_terms = product->k < EBB_TERMS ? product->k : EBB_TERMS;
  const int64_t most = EBB_A_FLOATS / block_terms;
  const int64_t blocks = (rows + most - 1) / most;
  const int64_t even = (rows + blocks - 1) / blocks;
  const int64_t block_rows = (even + EBB_TILE_ROWS - 1) / EBB_TILE_ROWS * EBB_TILE_ROWS;
  for (int64_t r = row_begin; r < row_end; r += block_rows) {
    const int64_t count = row_end - r < block_rows ? row_end - r : block_rows;
    for (int64_t t = 0; t < product->k; t += EBB_TERMS) {
      const int64_t terms = product->k - t < EBB_TERMS ? product->k - t : EBB_TERMS;
      const ebb_block_of_a block =
          ebb_take_block(product, r, count, t, terms, column_end - column_begin,
                         workspace + EBB_B_WORKSPACE);
      const bool strips = product->b_column == 1 && ebb_strides_thrash(product->b_row) &&
                          count > EBB_PACKING_GROUPS * EBB_TILE_ROWS;
      for (int64_t j = column_begin; j < column_end;) {
        const int64_t left = column_end - j;
        if (strips && left >= EBB_WIDE_PANELS * EBB_PANEL) {
          ebb_pack_four_panels(product, t, terms, j, workspace);
          for (int p = 0; p < EBB_WIDE_PANELS; p++, j += EBB_PANEL) {
            ebb_matmul_panel(product, &block, r, count, t, terms, j, EBB_PANEL, EBB_PANEL,
                             workspace + p * EBB_PANEL_FLOATS, workspace);
          }
          continue;
        }
        const int width = ebb_tile_width(count, left);
        const int64_t columns = left < width ? left : width;
        ebb_matmul_panel(product, &block, r, count, t, terms, j, width, columns, NULL,
                         workspace);
        j += columns;
      }
    }
  }
}

#endif
