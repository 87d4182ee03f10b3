// The few inline C functions that Swift cannot say.
#pragma once
#include <stdint.h>

/// Hints that the cache line at `p` will be read soon.
static inline void weir_prefetch(const void *p) { __builtin_prefetch(p, 0, 3); }

/// The nearest double of a signed 128-bit integer given as two words (Swift's own conversion takes 0.4 µs).
static inline double weir_int128_to_double(int64_t high, uint64_t low) {
    return (double)(__int128)(((unsigned __int128)(uint64_t)high << 64) | low);
}

/// The nearest double of an unsigned 128-bit integer given as two words.
static inline double weir_uint128_to_double(uint64_t high, uint64_t low) {
    return (double)(((unsigned __int128)high << 64) | (unsigned __int128)low);
}

/// Names the calling thread, cut to 15 bytes as Linux does (glibc's own function is hidden from Swift).
void weir_name_thread(const char *name);
