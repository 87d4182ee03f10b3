// Questions to whole rows of small numbers: Swift has no way from a vector comparison to a bit mask.
//
// A row has 0 ... 64 numbers; bit i of an answer speaks of number i, bits from `count` on are 0. A row is read in steps of 16 numbers (sums: 8), so up to 15
// numbers beyond its end: the caller's memory must go on that far. What is read there changes no answer.
//
// The vectors are the compiler's own: baseline x86-64 (SSE2) and ARM have all that is needed, and what has no vectors takes the numbers one by one.
#pragma once
#include <stdint.h>
#include <string.h>

typedef uint8_t lanes_u8x16 __attribute__((vector_size(16)));
typedef int8_t lanes_i8x16 __attribute__((vector_size(16)));
typedef uint16_t lanes_u16x16 __attribute__((vector_size(32)));
typedef uint32_t lanes_u32x16 __attribute__((vector_size(64)));
typedef uint8_t lanes_u8x8 __attribute__((vector_size(8)));
typedef uint16_t lanes_u16x8 __attribute__((vector_size(16)));
typedef int32_t lanes_i32x8 __attribute__((vector_size(32)));
typedef uint64_t lanes_u64x4 __attribute__((vector_size(32)));
typedef _Bool lanes_bool16 __attribute__((ext_vector_type(16)));

/// A comparison's bytes, all ones or all zeros, as bits.
static inline uint64_t lanes_bits(lanes_i8x16 comparison) {
    lanes_bool16 bits = __builtin_convertvector(comparison, lanes_bool16);
    uint16_t mask;
    memcpy(&mask, &bits, 2);
    return mask;
}

/// The `count` lowest bits, 0 ... 64.
static inline uint64_t lanes_low(int64_t count) { return count >= 64 ? ~0ull : (1ull << count) - 1; }

/// Which of the bytes equal `value`.
static inline uint64_t lanes_equal8(const uint8_t *row, int64_t count, uint8_t value) {
    uint64_t mask = 0;
#pragma clang loop unroll(disable)
    for (int64_t i = 0; i < count; i += 16) {
        lanes_u8x16 x;
        memcpy(&x, row + i, sizeof x);
        mask |= lanes_bits(x == value) << i;
    }
    return mask & lanes_low(count);
}

/// Whether one of the 16-bit numbers, or of up to 15 behind them, equals `value`.
static inline _Bool lanes_has16(const uint16_t *row, int64_t count, uint16_t value) {
    lanes_u16x16 any = {0};
#pragma clang loop unroll(disable)
    for (int64_t i = 0; i < count; i += 16) {
        lanes_u16x16 x;
        memcpy(&x, row + i, sizeof x);
        any |= (lanes_u16x16)(x == value);
    }
    return __builtin_reduce_or(any) != 0;
}

/// Which of the 32-bit numbers equal `value`.
static inline uint64_t lanes_equal32(const uint32_t *row, int64_t count, uint32_t value) {
    uint64_t mask = 0;
#pragma clang loop unroll(disable)
    for (int64_t i = 0; i < count; i += 16) {
        lanes_u32x16 x;
        memcpy(&x, row + i, sizeof x);
        mask |= lanes_bits(__builtin_convertvector(x == value, lanes_i8x16)) << i;
    }
    return mask & lanes_low(count);
}

/// Which of the 24-bit numbers, kept as a row of their low halves and one of their high bytes, equal `value`.
static inline uint64_t lanes_equal24(const uint16_t *low, const uint8_t *high, int64_t count, uint32_t value) {
    uint64_t mask = 0;
#pragma clang loop unroll(disable)
    for (int64_t i = 0; i < count; i += 16) {
        lanes_u16x16 x;
        lanes_u8x16 y;
        memcpy(&x, low + i, sizeof x);
        memcpy(&y, high + i, sizeof y);
        mask |= lanes_bits(__builtin_convertvector(x == (uint16_t)value, lanes_i8x16) & (y == (uint8_t)(value >> 16))) << i;
    }
    return mask & lanes_low(count);
}

/// How many of the first `count` times, which ascend, lie at least `age` before `newest`, all of them modulo 2^32.
///
/// The search begins at the end: of a short window mostly the last one or two decide.
static inline int64_t lanes_older32(const uint32_t *row, int64_t count, uint32_t newest, uint32_t age) {
    if (count <= 0) return 0;
    if (newest - row[count - 1] >= age) return count;
    if (count == 1 || newest - row[count - 2] >= age) return count - 1;
#pragma clang loop unroll(disable)
    for (int64_t i = (count - 1) & ~15ll;; i -= 16) {
        lanes_u32x16 x;
        memcpy(&x, row + i, sizeof x);
        uint32_t younger = (uint32_t)lanes_bits(__builtin_convertvector(newest - x < age, lanes_i8x16)) | 1u << 16;
        if (i == 0 || !(younger & 1)) {
            int64_t n = i + __builtin_ctz(younger);
            return n < count ? n : count;
        }
    }
}

/// How many of the times are at most `time`.
static inline int64_t lanes_until64(const int64_t *row, int64_t count, int64_t time) {
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++) n += row[i] <= time;
    return n;
}

/// Sum, highest and sum of squares of 24-bit numbers, at most 64 of them: below 2^30, 2^24 and 2^54. What nobody asks for is not computed.
typedef struct {
    uint64_t sum;
    uint32_t max;
    uint64_t squares;
} lanes_totals;

/// Of the 24-bit numbers from ... to; 0 for none.
static inline lanes_totals lanes_totals24(const uint16_t *low, const uint8_t *high, int64_t from, int64_t to) {
    const lanes_i32x8 places = {0, 1, 2, 3, 4, 5, 6, 7};
    lanes_i32x8 sums = {0}, maxima = {0};
    lanes_u64x4 squares = {0};
#pragma clang loop unroll(disable)
    for (int64_t i = from; i < to; i += 8) {
        lanes_u16x8 x;
        lanes_u8x8 y;
        memcpy(&x, low + i, sizeof x);
        memcpy(&y, high + i, sizeof y);
        lanes_i32x8 v = __builtin_convertvector(x, lanes_i32x8) | __builtin_convertvector(y, lanes_i32x8) << 16;
        v &= places < (int32_t)(to - i);
        sums += v;
        maxima = __builtin_elementwise_max(v, maxima);
        lanes_u64x4 wide = (lanes_u64x4)v, odd = wide >> 32, even = wide & 0xffffffff;
        squares += odd * odd + even * even;
    }
    lanes_totals totals = {0, 0, squares[0] + squares[1] + squares[2] + squares[3]};
    totals.sum = (uint32_t)__builtin_reduce_add(sums);
    totals.max = (uint32_t)__builtin_reduce_max(maxima);
    return totals;
}

/// How many of the times lie in (time - age, time], all of them modulo 2^32 and none of them as far as 2^32 - age behind or before it.
static inline int64_t lanes_within32(const uint32_t *row, int64_t from, int64_t to, uint32_t time, uint32_t age) {
    uint32_t n = 0;
    for (int64_t i = from; i < to; i++) n += (uint32_t)(time - row[i]) < age;
    return n;
}
