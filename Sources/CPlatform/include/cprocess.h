// What Swift cannot read of the process itself.
#pragma once

#include <stddef.h>

/// The commit that was named at build time (`-DWEIR_COMMIT=…`, without quotes), else "unknown".
const char *weir_build_commit(void);

/// The process's environment as it is now: `NAME=value` texts, ended by a null pointer. Swift does not let `environ` itself be read from any thread.
char *const *weir_environment(void);

/// Bounds the arenas of glibc's allocator, which keeps one a thread else, and holds its thresholds where they are: it raises them else with each large
/// block that was freed, and then keeps what a burst took. Once, before any thread.
void weir_set_up_memory(int arenas);

/// Bytes that the allocator holds and nobody uses.
size_t weir_free_memory(void);

/// Gives the system what nobody uses. Other threads that allocate meanwhile wait, some milliseconds for each 100 MB.
void weir_return_memory(void);

/// Exchanges two files or folders of one file system in one step, so that each name is always there (`renameat2`). 0, or -1 and errno.
int weir_exchange(const char *one, const char *other);
