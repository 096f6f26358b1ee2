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

/// The tiles below each other in a panel, over one block of the contract's terms. `packing`: the first
/// one leaves the panel packed in `workspace`, where the others read it.
EBB_INLINE void ebb_matmul_tiles(const ebb_matmul *product, const ebb_block_of_a *block,
                                 int64_t row, int64_t rows, int64_t term, int64_t terms,
                                 int64_t column, int width, bool packing, float *workspace,
                                 ebb_tile *tile) {
  const ebb_groups groups = ebb_groups_of(rows);
  for (int64_t g = 0, done = 0; g < groups.count; g += tile->groups) {
    // Those of one size together, but the first alone if it packs.
    const int64_t size = ebb_group_rows(&groups, g);
    tile->groups = (g < groups.larger ? groups.larger : groups.count) - g;
    tile->pack = packing && g == 0 ? workspace : NULL;
    if (tile->pack) tile->groups = 1;
    if (block->grouped) {
      tile->a = block->data + done * terms + term * size;
      tile->a_column = size;
      tile->a_group = size * terms;
    } else {
      tile->a = block->data + done * block->row + term * block->column;
      tile->a_group = size * block->row;
    }
    const int64_t r = row + done;
    tile->c = product->c + r * product->c_row + column;
    if (tile->ending != EBB_END_STORE) {
      tile->y = product->y + r * product->y_row + column;
      tile->operand = product->operand + r * product->operand_row + column;
    }
    ebb_run_tile((int)size, width, tile);
    if (tile->pack) {
      tile->b = workspace;
      tile->b_row = EBB_PANEL;
    }
    done += tile->groups * size;
  }
}

/// All of a row block against one panel (or a few, for wide tiles), over one block of terms.
/// `packed` is the panel if it is packed already; otherwise the workspace takes it.
EBB_INLINE void ebb_matmul_panel(const ebb_matmul *product, const ebb_block_of_a *block,
                                 int64_t row, int64_t rows, int64_t term, int64_t terms,
                                 int64_t column, int width, int64_t columns, const float *packed,
                                 float *workspace) {
  ebb_tile tile = {
      .a_row = block->row,
      .a_column = block->column,
      .b_panel = EBB_PANEL,
      .c_row = product->c_row,
      .y_row = product->y_row,
      .operand_row = product->operand_row,
      .rate = product->rate ? product->rate[0] : 0.0f,
      .columns = (int)columns,
  };
  const float *b = product->b + term * product->b_row + column;
  int64_t b_row = product->b_row;
  bool packing = false;
  if (packed) {
    b = packed;
    b_row = EBB_PANEL;
  } else if (product->b_column != 1 || columns < width) {
    for (int64_t p = 0; p * EBB_PANEL < columns; p++) {
      const int64_t left = columns - p * EBB_PANEL;
      ebb_pack_panel(product, term, terms, column + p * EBB_PANEL,
                     left < EBB_PANEL ? left : EBB_PANEL, workspace + p * EBB_PANEL_FLOATS);
    }
    b = workspace;
    b_row = EBB_PANEL;
    tile.b_panel = EBB_PANEL_FLOATS;
  } else {
    packing = width == EBB_PANEL && rows > (EBB_PACKING_GROUPS - 1) * EBB_TILE_ROWS;
  }
  for (int64_t t = 0; t < terms; t += EBB_TERMS) {
    tile.terms = terms - t < EBB_TERMS ? terms - t : EBB_TERMS;
    tile.first = term + t == 0;
    tile.ending = term + t + tile.terms == product->k ? product->ending : EBB_END_STORE;
    tile.b = b + t * b_row;
    tile.b_row = b_row;
    ebb_matmul_tiles(product, block, row, rows, t, terms, column, width, packing,
                     workspace + t * EBB_PANEL, &tile);
  }
}

static void ebb_matmul_run(const ebb_matmul *product, int64_t row_begin, int64_t row_end,
                           int64_t column_begin, int64_t column_end, float *workspace) {
  if (row_begin >= row_end || column_begin >= column_end) return;
  if (product->k <= 0) {
    for (int64_t r = row_begin; r < row_end; r++) {
      for (int64_t j = column_begin; j < column_end; j++) {
        float *y = product->ending == EBB_END_STORE ? product->c + r * product->c_row + j
                                                    : product->y + r * product->y_row + j;
        const float *operand = product->operand + r * product->operand_row + j;
        *y = ebb_ended(product->ending, 0.0f, *y, product->operand ? *operand : 0.0f,
                       product->rate ? product->rate[0] : 0.0f);
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
