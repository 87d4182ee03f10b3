// Counts calls of malloc and its kin in the whole process, Swift's and C++'s too.
#pragma once
#include <stdint.h>

/// Calls so far that gave memory out.
uint64_t allocations_count(void);
