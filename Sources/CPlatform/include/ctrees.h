// Whole-row kernels for tree ensembles: what needs byte shuffles and movemasks. `Models` prepares what they read; nothing is checked here.
#pragma once
#include <stdint.h>

/// What processor the kernels were written for.
enum { WEIR_TREES_NONE = 0, WEIR_TREES_AVX2 = 1, WEIR_TREES_AVX512 = 2 };

/// The best that this processor has; WEIR_TREES_NONE anywhere but on x86-64.
int weir_trees_level(void);

/// When a value counts as missing, and on which side it then comes out: `never` takes not-a-number as 0.
enum { WEIR_NEVER = 0, WEIR_NAN_LEFT = 1, WEIR_NAN_RIGHT = 2, WEIR_ZERO_LEFT = 3, WEIR_ZERO_RIGHT = 4 };

/// One feature of a row that becomes a rank: how many of its thresholds are below the value.
typedef struct {
    int32_t source;  // place in the row
    int32_t begin;   // of its thresholds, in doubles: one block of 16, or a block of pivots and then one more block than are full
    int32_t count;   // thresholds, at most 255
    uint8_t kind;    // WEIR_NEVER …
    uint8_t single;  // compare in single precision
} weir_rank_slot;

/// Writes the rank of each slot: `out[i]` for slot i, 0 or 255 where the value is missing. `thresholds` are aligned to 64 bytes.
void weir_ranks_avx2(const double *row, const weir_rank_slot *slots, int count, const double *thresholds, uint8_t *out);
void weir_ranks_avx512(const double *row, const weir_rank_slot *slots, int count, const double *thresholds, uint8_t *out);

/// Trees of at most 32 leaves, side by side: 32 entries a tree in each array.
typedef struct {
    const uint8_t *columns;  // which rank a node looks at
    const uint8_t *ranks;    // and above which it goes right
    const uint32_t *path;    // a leaf's ancestors …
    const uint32_t *value;   // … and which of them it lies right of
    const double *leaves;
} weir_mask_trees;

/// The sum of `count` trees in their order, from `base` on; `tables` is the number of 16-byte tables of ranks, 1 to 16; all 256 bytes of ranks are
/// there to be read.
double weir_masks_avx2(const weir_mask_trees *trees, int count, const uint8_t *ranks, int tables, double base);
double weir_masks_avx512(const weir_mask_trees *trees, int count, const uint8_t *ranks, int tables, double base);
/// The same in single precision.
float weir_masks_single_avx2(const weir_mask_trees *trees, int count, const uint8_t *ranks, int tables, float base);
float weir_masks_single_avx512(const weir_mask_trees *trees, int count, const uint8_t *ranks, int tables, float base);
