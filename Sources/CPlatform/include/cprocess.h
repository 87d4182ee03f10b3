// What Swift cannot read of the process itself.
#pragma once

/// The commit that was named at build time (`-DWEIR_COMMIT=…`, without quotes), else "unknown".
const char *weir_build_commit(void);

/// The process's environment as it is now: `NAME=value` texts, ended by a null pointer. Swift does not let `environ` itself be read from any thread.
char *const *weir_environment(void);

/// Bounds the arenas of glibc's allocator: it keeps one a thread else, and gives a burst's memory never back.
void weir_bound_arenas(int count);
