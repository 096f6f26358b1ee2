// The matrix product's driver: cuts a rectangle of c into row blocks, blocks of terms and panels of
// 16 columns, and runs tiles over them, each with the contract's 256 terms. Every other cut only
// serves the caches, and no sum depends on it.
#ifndef EBB_MATMUL_H
#define EBB_MATMUL_H

#include "ebb_kernels.h"
#include "matmul_layout.h"
#include "matmul_pack.h"

#pragma STDC FP_CONTRACT OFF

/// With fewer row groups than this, reading b in place is cheaper than packing it on the way.
#define EBB_PACKING_GROUPS 3

/// The width of the next tiles: narrow at the end, wide where few rows leave registers free.
EBB_INLINE int ebb_tile_width(int64_t rows, int64_t columns) {
  if (rows == 1 && EBB_WIDE_ROWS >= 1 && columns >= 64) return 64;
  if (rows <= EBB_WIDE_ROWS && columns >= 32) return 32;
  return columns > 8 ? 16 : 8;
}

/// All of a row block against one panel (or a few, for wide tiles), over one block of terms.
/// `packed` is the panel if it is packed already; otherwise the workspace takes it.
EBB_INLINE void ebb_matmul_panel(const ebb_matmul *product, const ebb_block_of_a *block,
                                 int64_t row, int64_t rows, int64_t term, int64_t terms,
                                 int64_t column, int width, int64_t columns, const float *packed,
                                 float *workspace) {
  const ebb_groups groups = ebb_groups_of(rows);
  ebb_tile tile = {
      .a_row = block->row,
      .a_column = block->column,
      .b_panel = EBB_PANEL,
      .c_row = product->c_row,
      .update_row = product->update_row,
      .columns = (int)columns,
  };
  const float *b = product->b + term * product->b_row + column;
  tile.b_row = product->b_row;
  bool packing = false;
  if (packed) {
    b = packed;
    tile.b_row = EBB_PANEL;
  } else if (product->b_column != 1 || columns < width) {
    for (int64_t p = 0; p * EBB_PANEL < columns; p++) {
      const int64_t left = columns - p * EBB_PANEL;
      ebb_pack_panel(product, term, terms, column + p * EBB_PANEL,
                     left < EBB_PANEL ? left : EBB_PANEL, workspace + p * EBB_PANEL_FLOATS);
    }
    b = workspace;
    tile.b_row = EBB_PANEL;
    tile.b_panel = EBB_PANEL_FLOATS;
  } else {
    packing = width == EBB_PANEL && groups.count >= EBB_PACKING_GROUPS;
  }
  const bool updates = product->update && term + terms == product->k;
  if (updates) tile.rate = product->rate[0];
  int64_t r = row;
  for (int64_t g = 0; g < groups.count; g++) {
    const int64_t count = ebb_group_rows(&groups, g);
    const float *a = block->data + (r - row) * (block->grouped ? terms : block->row);
    if (block->grouped) tile.a_column = count;
    tile.c = product->c + r * product->c_row + column;
    for (int64_t t = 0; t < terms; t += EBB_TERMS) {
      tile.terms = terms - t < EBB_TERMS ? terms - t : EBB_TERMS;
      tile.a = a + t * tile.a_column;
      tile.b = b + t * tile.b_row;
      tile.first = term + t == 0;
      if (updates && t + tile.terms == terms) {
        tile.update = product->update + r * product->update_row + column;
      } else {
        tile.update = NULL;
      }
      tile.pack = packing && g == 0 ? workspace + t * EBB_PANEL : NULL;
      ebb_run_tile((int)count, width, &tile);
    }
    if (packing && g == 0) {
      b = workspace;
      tile.b_row = EBB_PANEL;
    }
    r += count;
  }
}

static void ebb_matmul_run(const ebb_matmul *product, int64_t row_begin, int64_t row_end,
                           int64_t column_begin, int64_t column_end, float *workspace) {
  if (row_begin >= row_end || column_begin >= column_end) return;
  if (product->k <= 0) {
    for (int64_t r = row_begin; r < row_end; r++) {
      for (int64_t j = column_begin; j < column_end; j++) {
        if (product->update) {
          float *w = product->update + r * product->update_row + j;
          *w = *w - product->rate[0] * 0.0f;
        } else {
          product->c[r * product->c_row + j] = 0.0f;
        }
      }
    }
    return;
  }
  const int64_t rows = row_end - row_begin;
  const int64_t block_terms = product->k < EBB_TERMS ? product->k : EBB_TERMS;
  const int64_t most = EBB_A_ROWS * EBB_TERMS / block_terms;
  const int64_t blocks = (rows + most - 1) / most;
  const int64_t even = (rows + blocks - 1) / blocks;
  const int64_t block_rows = (even + EBB_TILE_ROWS - 1) / EBB_TILE_ROWS * EBB_TILE_ROWS;
  for (int64_t r = row_begin; r < row_end; r += block_rows) {
    const int64_t count = row_end - r < block_rows ? row_end - r : block_rows;
    int64_t terms;
    for (int64_t t = 0; t < product->k; t += terms) {
      const int64_t rest = product->k - t;
      terms = rest <= EBB_CACHED_TERMS ? rest : EBB_TERMS;
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
