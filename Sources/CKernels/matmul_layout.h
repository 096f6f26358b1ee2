// How the matrix product is cut: shared by the driver, its tiles, and the workspace's size.
#ifndef EBB_MATMUL_LAYOUT_H
#define EBB_MATMUL_LAYOUT_H

#include "arithmetic.h"

/// Terms that one chain of fused multiply-adds takes. Part of the numeric contract.
#define EBB_TERMS 256
/// Columns of b that are packed side by side.
#define EBB_PANEL 16
/// Panels that a tile of few rows takes at once.
#define EBB_WIDE_PANELS 4
/// Floats of one packed panel.
#define EBB_PANEL_FLOATS (EBB_TERMS * EBB_PANEL)
/// Floats of a that stay in the second cache while the panels of b pass by.
#define EBB_A_FLOATS (192 * EBB_TERMS)
/// Floats between the ends of one row of a packed a and the next: rows at a power of two would
/// share a few sets of the caches and drive each other out.
#define EBB_A_GAP 16
/// Below these sizes a is never packed.
#define EBB_A_PACKING_ROWS 24
#define EBB_A_PACKING_COLUMNS 256
#define EBB_A_PACKING_TERMS 128

/// Floats of the packed panels of b; a packed a follows them.
#define EBB_B_WORKSPACE (EBB_WIDE_PANELS * EBB_PANEL_FLOATS)
/// Floats of a packed a: the block, and a gap a row of at least EBB_A_PACKING_TERMS terms (or of
/// a row a term).
#define EBB_A_WORKSPACE (EBB_A_FLOATS + EBB_A_GAP * (EBB_A_FLOATS / EBB_A_PACKING_TERMS + 8))

/// One tile of c: a few rows by one or more panels of columns, over one block of terms.
typedef struct ebb_tile {
  const float *a;
  int64_t a_row, a_column;
  const float *b;
  int64_t b_row;    // from one term to the next
  int64_t b_panel;  // from one panel of 16 columns to the next
  float *c;
  int64_t c_row;
  int64_t terms;
  int columns;          // columns of c that exist; the others are computed and dropped
  bool first;           // c = sum; otherwise c = c + sum
  float *pack;  // where to leave a packed copy of the panel on the way, if anywhere
  float *update;  // w = w - rate * sum instead of storing the sum, or null; in the layout of c
  float rate;
} ebb_tile;

#endif
