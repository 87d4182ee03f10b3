#include "ctrees.h"

// Sums are in the trees' order and hold no multiplication, so that no compiler and no processor gives other bits.

#if defined(__x86_64__)
#include <immintrin.h>

int weir_trees_level(void) {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2")) return WEIR_TREES_NONE;
    return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") ? WEIR_TREES_AVX512 : WEIR_TREES_AVX2;
}

#define INLINE static inline __attribute__((always_inline))
#define AVX2 __attribute__((target("avx2,popcnt,bmi")))
#define AVX512 __attribute__((target("avx2,avx512f,avx512bw,avx512vl,avx512vbmi,popcnt,bmi")))

// How many of 16 are below x; not-a-number is above none.
INLINE AVX2 int below_avx2(const double *p, double x) {
    const __m256d v = _mm256_set1_pd(x);
    unsigned m = (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(_mm256_load_pd(p), v, _CMP_LT_OQ));
    m |= (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(_mm256_load_pd(p + 4), v, _CMP_LT_OQ)) << 4;
    m |= (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(_mm256_load_pd(p + 8), v, _CMP_LT_OQ)) << 8;
    m |= (unsigned)_mm256_movemask_pd(_mm256_cmp_pd(_mm256_load_pd(p + 12), v, _CMP_LT_OQ)) << 12;
    return __builtin_popcount(m);
}

INLINE AVX512 int below_avx512(const double *p, double x) {
    const __m512d v = _mm512_set1_pd(x);
    const unsigned low = _mm512_cmp_pd_mask(_mm512_load_pd(p), v, _CMP_LT_OQ);
    const unsigned high = _mm512_cmp_pd_mask(_mm512_load_pd(p + 8), v, _CMP_LT_OQ);
    return __builtin_popcount(low | high << 8);
}

#define ZERO ((double)1e-35f)  // LightGBM's kZeroThreshold

#define RANKS(NAME, TARGET, BELOW)                                                                                              \
    TARGET void NAME(const double *row, const weir_rank_slot *slots, int count, const double *thresholds, uint8_t *out) {       \
        for (int i = 0; i < count; i++) {                                                                                       \
            const weir_rank_slot s = slots[i];                                                                                  \
            double x = row[s.source];                                                                                           \
            if (s.single) x = (double)(float)x;                                                                                 \
            if (s.kind == WEIR_NEVER && x != x) x = 0;                                                                          \
            const double *t = thresholds + s.begin;                                                                             \
            int rank;                                                                                                           \
            if (s.count <= 16) {                                                                                                \
                rank = BELOW(t, x);                                                                                             \
            } else {                                                                                                            \
                const int block = BELOW(t, x);                                                                                  \
                rank = 16 * block + BELOW(t + 16 + 16 * block, x);                                                              \
            }                                                                                                                   \
            if (s.kind == WEIR_NAN_RIGHT && x != x) rank = 255;                                                                 \
            if (s.kind >= WEIR_ZERO_LEFT && !(__builtin_fabs(x) > ZERO)) rank = s.kind == WEIR_ZERO_LEFT ? 0 : 255;             \
            out[i] = (uint8_t)rank;                                                                                             \
        }                                                                                                                       \
    }

RANKS(weir_ranks_avx2, AVX2, below_avx2)
RANKS(weir_ranks_avx512, AVX512, below_avx512)

// One bit a node: it goes right. A byte shuffle looks a rank up in each 16-byte table; the index's upper half says in which: where it is another
// table's, the saturating sum sets the top bit, and the shuffle gives 0.
INLINE AVX2 uint32_t right_avx2(const __m256i *tables, int n, const uint8_t *columns, const uint8_t *ranks) {
    const __m256i f = _mm256_loadu_si256((const __m256i *)columns), t = _mm256_loadu_si256((const __m256i *)ranks);
    __m256i x = _mm256_setzero_si256();
    for (int k = 0; k < n; k++) {
        const __m256i i = _mm256_adds_epu8(_mm256_xor_si256(f, _mm256_set1_epi8((char)(k << 4))), _mm256_set1_epi8(0x70));
        x = _mm256_or_si256(x, _mm256_shuffle_epi8(tables[k], i));
    }
    return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(x, t), x));
}

// The one leaf whose ancestors answered as it asks. Two packs put the 32 answers into the order that `Models` stores the leaves in.
INLINE AVX2 int leaf_avx2(uint32_t bits, const uint32_t *path, const uint32_t *value) {
    const __m256i m = _mm256_set1_epi32((int)bits);
#define EQUAL(i) _mm256_cmpeq_epi32(_mm256_and_si256(m, _mm256_loadu_si256((const __m256i *)(path + i))), _mm256_loadu_si256((const __m256i *)(value + i)))
    const __m256i a = _mm256_packs_epi32(EQUAL(0), EQUAL(8)), b = _mm256_packs_epi32(EQUAL(16), EQUAL(24));
#undef EQUAL
    return __builtin_ctz((unsigned)_mm256_movemask_epi8(_mm256_packs_epi16(a, b)));
}

#define MASKS_AVX2(REAL, NAME, N)                                                                                               \
    INLINE AVX2 REAL NAME##_##N(const weir_mask_trees *trees, int count, const uint8_t *ranks, REAL sum) {                      \
        __m256i tables[N];                                                                                                      \
        for (int k = 0; k < N; k++) tables[k] = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(ranks + 16 * k))); \
        for (int t = 0; t < count; t++) {                                                                                       \
            const int o = 32 * t;                                                                                               \
            const uint32_t bits = right_avx2(tables, N, trees->columns + o, trees->ranks + o);                                  \
            sum += (REAL)trees->leaves[o + leaf_avx2(bits, trees->path + o, trees->value + o)];                                 \
        }                                                                                                                       \
        return sum;                                                                                                             \
    }
#define MASKS_AVX2_ALL(REAL, NAME)                                                                                              \
    MASKS_AVX2(REAL, NAME, 2) MASKS_AVX2(REAL, NAME, 4) MASKS_AVX2(REAL, NAME, 6) MASKS_AVX2(REAL, NAME, 8)                     \
    MASKS_AVX2(REAL, NAME, 12) MASKS_AVX2(REAL, NAME, 16)                                                                       \
    AVX2 REAL NAME(const weir_mask_trees *trees, int count, const uint8_t *ranks, int tables, REAL base) {                      \
        if (tables <= 2) return NAME##_2(trees, count, ranks, base);                                                            \
        if (tables <= 4) return NAME##_4(trees, count, ranks, base);                                                            \
        if (tables <= 6) return NAME##_6(trees, count, ranks, base);                                                            \
        if (tables <= 8) return NAME##_8(trees, count, ranks, base);                                                            \
        if (tables <= 12) return NAME##_12(trees, count, ranks, base);                                                          \
        return NAME##_16(trees, count, ranks, base);                                                                            \
    }
MASKS_AVX2_ALL(double, weir_masks_avx2)
MASKS_AVX2_ALL(float, weir_masks_single_avx2)

INLINE AVX512 uint32_t equal_avx512(uint32_t bits, const uint32_t *path, const uint32_t *value) {
    const __m512i m = _mm512_set1_epi32((int)bits);
    const uint32_t low = _mm512_cmpeq_epi32_mask(_mm512_and_si512(m, _mm512_loadu_si512(path)), _mm512_loadu_si512(value));
    const uint32_t high = _mm512_cmpeq_epi32_mask(_mm512_and_si512(m, _mm512_loadu_si512(path + 16)), _mm512_loadu_si512(value + 16));
    return low | high << 16;
}

// The ranks of 64 nodes, from one table of 64 bytes, two, or four.
INLINE AVX512 __m512i look_avx512(const __m512i *tables, int size, __m512i f) {
    if (size == 1) return _mm512_permutexvar_epi8(f, tables[0]);
    const __m512i low = _mm512_permutex2var_epi8(tables[0], f, tables[1]);
    if (size == 2) return low;
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(f), low, _mm512_permutex2var_epi8(tables[2], f, tables[3]));
}

// Two trees at a time; an odd one alone.
#define MASKS_AVX512(REAL, NAME)                                                                                                \
    INLINE AVX512 REAL NAME##_of(const weir_mask_trees *trees, int count, const uint8_t *ranks, int size, REAL sum) {           \
        __m512i tables[4];                                                                                                      \
        for (int k = 0; k < size; k++) tables[k] = _mm512_loadu_si512(ranks + 64 * k);                                          \
        int t = 0;                                                                                                              \
        for (; t + 1 < count; t += 2) {                                                                                         \
            const int o = 32 * t;                                                                                               \
            const __m512i x = look_avx512(tables, size, _mm512_loadu_si512(trees->columns + o));                                \
            const uint64_t bits = _mm512_cmpgt_epu8_mask(x, _mm512_loadu_si512(trees->ranks + o));                              \
            const uint32_t a = equal_avx512((uint32_t)bits, trees->path + o, trees->value + o);                                 \
            const uint32_t b = equal_avx512((uint32_t)(bits >> 32), trees->path + o + 32, trees->value + o + 32);               \
            sum += (REAL)trees->leaves[o + __builtin_ctz(a)];                                                                   \
            sum += (REAL)trees->leaves[o + 32 + __builtin_ctz(b)];                                                              \
        }                                                                                                                       \
        if (t < count) {                                                                                                        \
            const int o = 32 * t;                                                                                               \
            const __m512i f = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(trees->columns + o)));                \
            const __m256i x = _mm512_castsi512_si256(look_avx512(tables, size, f));                                             \
            const uint32_t bits = _mm256_cmpgt_epu8_mask(x, _mm256_loadu_si256((const __m256i *)(trees->ranks + o)));           \
            sum += (REAL)trees->leaves[o + __builtin_ctz(equal_avx512(bits, trees->path + o, trees->value + o))];               \
        }                                                                                                                       \
        return sum;                                                                                                             \
    }                                                                                                                           \
    AVX512 REAL NAME(const weir_mask_trees *trees, int count, const uint8_t *ranks, int tables, REAL base) {                    \
        if (tables <= 4) return NAME##_of(trees, count, ranks, 1, base);                                                        \
        if (tables <= 8) return NAME##_of(trees, count, ranks, 2, base);                                                        \
        return NAME##_of(trees, count, ranks, 4, base);                                                                         \
    }
MASKS_AVX512(double, weir_masks_avx512)
MASKS_AVX512(float, weir_masks_single_avx512)

#else

// Elsewhere `weir_trees_level` says that there are none, and `Models` walks.
int weir_trees_level(void) { return WEIR_TREES_NONE; }
void weir_ranks_avx2(const double *row, const weir_rank_slot *slots, int count, const double *thresholds, uint8_t *out) { __builtin_trap(); }
void weir_ranks_avx512(const double *row, const weir_rank_slot *slots, int count, const double *thresholds, uint8_t *out) { __builtin_trap(); }
double weir_masks_avx2(const weir_mask_trees *trees, int count, const uint8_t *ranks, int tables, double base) { __builtin_trap(); }
double weir_masks_avx512(const weir_mask_trees *trees, int count, const uint8_t *ranks, int tables, double base) { __builtin_trap(); }
float weir_masks_single_avx2(const weir_mask_trees *trees, int count, const uint8_t *ranks, int tables, float base) { __builtin_trap(); }
float weir_masks_single_avx512(const weir_mask_trees *trees, int count, const uint8_t *ranks, int tables, float base) { __builtin_trap(); }

#endif
