// Questions to whole rows of small numbers: Swift has no way from a vector comparison to a bit mask.
//
// A row has 0 ... 64 numbers; bit i of an answer speaks of number i, bits from `count` on are 0. A row is read in steps of 16 bytes, so up to 15 bytes
// beyond its end: the caller's memory must go on that far. What is read there changes no answer. Baseline x86-64 and every other processor: nothing
// here needs more than SSE2, and there is a plain loop where that is missing.
#pragma once
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#define LANES_SSE2 1
typedef uint8_t lanes_u8 __attribute__((vector_size(16)));
typedef char lanes_i8 __attribute__((vector_size(16)));
typedef uint16_t lanes_u16 __attribute__((vector_size(16)));
typedef int16_t lanes_i16 __attribute__((vector_size(16)));
typedef int32_t lanes_i32 __attribute__((vector_size(16)));
typedef uint32_t lanes_u32 __attribute__((vector_size(16)));
#endif

/// The `count` lowest bits, 0 ... 64.
static inline uint64_t lanes_low(int64_t count) { return count >= 64 ? ~0ull : (1ull << count) - 1; }

/// Which of the bytes equal `value`.
static inline uint64_t lanes_equal8(const uint8_t *row, int64_t count, uint8_t value) {
    uint64_t mask = 0;
#if LANES_SSE2
    lanes_u8 v = {value, value, value, value, value, value, value, value, value, value, value, value, value, value, value, value};
    for (int64_t i = 0; i < count; i += 16) {
        lanes_u8 x;
        memcpy(&x, row + i, 16);
        mask |= (uint64_t)(uint32_t)__builtin_ia32_pmovmskb128((lanes_i8)(x == v)) << i;
    }
#else
    for (int64_t i = 0; i < count; i++) mask |= (uint64_t)(row[i] == value) << i;
#endif
    return mask & lanes_low(count);
}

/// Which of the 16-bit numbers equal `value`.
static inline uint64_t lanes_equal16(const uint16_t *row, int64_t count, uint16_t value) {
    uint64_t mask = 0;
#if LANES_SSE2
    lanes_u16 v = {value, value, value, value, value, value, value, value};
    for (int64_t i = 0; i < count; i += 8) {
        lanes_u16 x;
        memcpy(&x, row + i, 16);
        lanes_i16 e = (lanes_i16)(x == v);
        mask |= (uint64_t)(uint8_t)__builtin_ia32_pmovmskb128((lanes_i8)__builtin_ia32_packsswb128(e, e)) << i;
    }
#else
    for (int64_t i = 0; i < count; i++) mask |= (uint64_t)(row[i] == value) << i;
#endif
    return mask & lanes_low(count);
}

/// Which of the 32-bit numbers equal `value`.
static inline uint64_t lanes_equal32(const uint32_t *row, int64_t count, uint32_t value) {
    uint64_t mask = 0;
#if LANES_SSE2
    lanes_u32 v = {value, value, value, value};
    for (int64_t i = 0; i < count; i += 4) {
        lanes_u32 x;
        memcpy(&x, row + i, 16);
        lanes_i32 e = (lanes_i32)(x == v);
        lanes_i16 s = (lanes_i16)__builtin_ia32_packssdw128(e, e);
        mask |= (uint64_t)((uint32_t)__builtin_ia32_pmovmskb128((lanes_i8)__builtin_ia32_packsswb128(s, s)) & 15) << i;
    }
#else
    for (int64_t i = 0; i < count; i++) mask |= (uint64_t)(row[i] == value) << i;
#endif
    return mask & lanes_low(count);
}

/// Which of the 24-bit numbers, kept as a row of their low halves and one of their high bytes, equal `value`.
static inline uint64_t lanes_equal24(const uint16_t *low, const uint8_t *high, int64_t count, uint32_t value) {
    uint64_t mask = lanes_equal16(low, count, (uint16_t)value);
    return mask ? mask & lanes_equal8(high, count, (uint8_t)(value >> 16)) : 0;
}

/// How many of the times lie at least `age` before `newest`, all of them modulo 2^32.
static inline int64_t lanes_older32(const uint32_t *row, int64_t count, uint32_t newest, uint32_t age) {
    uint32_t n = 0;
    for (int64_t i = 0; i < count; i++) n += (uint32_t)(newest - row[i]) >= age;
    return n;
}

/// How many of the times are at most `time`.
static inline int64_t lanes_until64(const int64_t *row, int64_t count, int64_t time) {
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++) n += row[i] <= time;
    return n;
}

/// Sum of the 24-bit numbers from ... to.
static inline uint64_t lanes_sum24(const uint16_t *low, const uint8_t *high, int64_t from, int64_t to) {
    uint32_t a = 0, b = 0;
    for (int64_t i = from; i < to; i++) {
        a += low[i];
        b += high[i];
    }
    return a + ((uint64_t)b << 16);
}

/// The highest of the 24-bit numbers from ... to; 0 for none.
static inline uint32_t lanes_max24(const uint16_t *low, const uint8_t *high, int64_t from, int64_t to) {
    uint32_t m = 0;
    for (int64_t i = from; i < to; i++) {
        uint32_t x = low[i] | (uint32_t)high[i] << 16;
        m = x > m ? x : m;
    }
    return m;
}

/// Sum of the squares of the 24-bit numbers from ... to, at most 64 of them: below 2^54.
static inline uint64_t lanes_squares24(const uint16_t *low, const uint8_t *high, int64_t from, int64_t to) {
    uint64_t s = 0;
    for (int64_t i = from; i < to; i++) {
        uint64_t x = low[i] | (uint32_t)high[i] << 16;
        s += x * x;
    }
    return s;
}

/// How many of the times lie in (time - age, time], all of them modulo 2^32 and none of them as far as 2^32 - age behind or before it.
static inline int64_t lanes_within32(const uint32_t *row, int64_t from, int64_t to, uint32_t time, uint32_t age) {
    uint32_t n = 0;
    for (int64_t i = from; i < to; i++) n += (uint32_t)(time - row[i]) < age;
    return n;
}
