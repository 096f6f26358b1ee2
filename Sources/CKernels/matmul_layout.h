// How the matrix product is cut: shared by the driver, its tiles, and the workspace's size.
#ifndef EBB_MATMUL_LAYOUT_H
#define EBB_MATMUL_LAYOUT_H

#include "arithmetic.h"
#include "ebb_kernels.h"

/// Columns of b that are packed side by side.
#define EBB_PANEL 16
/// Panels that a tile of few rows takes at once.
#define EBB_WIDE_PANELS 4
/// The most terms whose part of a and b is in the caches at a time: one block of the contract and a
/// short last one, so that a rest of a few terms costs no passage of its own over c.
#define EBB_CACHED_TERMS (EBB_TERMS + EBB_TERMS / 2)
/// Floats of one packed panel.
#define EBB_PANEL_FLOATS (EBB_CACHED_TERMS * EBB_PANEL)
/// Rows of a that stay in the second cache while the panels of b pass by, with 256 terms.
#define EBB_A_ROWS 264
/// Below these sizes a is read in place: packing it would cost more than it saves.
#define EBB_A_PACKING_ROWS 24
#define EBB_A_PACKING_COLUMNS 256
#define EBB_A_PACKING_TERMS 128
/// The columns from which packing pays even where rows of a are good streams.
#define EBB_STREAMS_COLUMNS 1024

/// Floats of the packed panels of b; a packed a follows them.
#define EBB_B_WORKSPACE (EBB_WIDE_PANELS * EBB_PANEL_FLOATS)
/// Floats of a packed a, and of the group of rows by which a block may exceed its share.
#define EBB_A_WORKSPACE ((EBB_A_ROWS + 8) * EBB_CACHED_TERMS)

/// Rows a multiple of 2 kB apart share so few sets of the second cache that it would hold a fraction
/// of them.
EBB_INLINE bool ebb_strides_thrash(int64_t stride) { return stride >= 512 && stride % 512 == 0; }

/// Whether a block of a is packed: where it is read often enough, and much more often if its rows are
/// streams of terms that do not drive each other out of the caches.
EBB_INLINE bool ebb_packs_a(int64_t rows, int64_t columns, int64_t k, int64_t a_row,
                            int64_t a_column) {
  const bool streams = a_column == 1 && !ebb_strides_thrash(a_row);
  return rows >= EBB_A_PACKING_ROWS && k >= EBB_A_PACKING_TERMS &&
         columns >= (streams ? EBB_STREAMS_COLUMNS : EBB_A_PACKING_COLUMNS);
}

/// Tiles of c below each other: each a few rows by one or more panels of columns, over one block of
/// terms.
typedef struct ebb_tile {
  int64_t groups;  // tiles
  const float *a;
  int64_t a_row, a_column;
  int64_t a_group;  // from one tile's rows to the next's
  const float *b;
  int64_t b_row;    // from one term to the next
  int64_t b_panel;  // from one panel of 16 columns to the next
  float *c;
  int64_t c_row;
  int64_t terms;
  int columns;  // columns of c that exist; the others are computed and dropped
  bool first;   // sums of these terms only; otherwise c + sum
  float *pack;  // where to leave a packed copy of the panel on the way, if anywhere
  ebb_ending ending;
  float *y;
  int64_t y_row;
  const float *operand;
  int64_t operand_row;
  float rate;
} ebb_tile;

/// What an ending makes of one sum.
EBB_INLINE float ebb_ended(ebb_ending ending, float sum, float y, float operand, float rate) {
  switch (ending) {
    case EBB_END_STORE: return sum;
    case EBB_END_DESCEND: return y - rate * sum;
    case EBB_END_ADD: return sum + operand;
    case EBB_END_ADD_RELU: {
      const float x = sum + operand;
      return x <= 0 ? 0.0f : x;
    }
    case EBB_END_GATE: return sum * (operand > 0 ? 1.0f : 0.0f);
  }
}

#endif
