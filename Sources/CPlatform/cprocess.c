#define _GNU_SOURCE
#include "cprocess.h"

#define WEIR_TEXT_OF(token) #token
#define WEIR_TEXT(macro) WEIR_TEXT_OF(macro)

const char *weir_build_commit(void) {
#ifdef WEIR_COMMIT
    return WEIR_TEXT(WEIR_COMMIT);
#else
    return "unknown";
#endif
}

extern char **environ;

char *const *weir_environment(void) { return environ; }

#include <malloc.h>

void weir_set_up_memory(int arenas) {
    mallopt(M_ARENA_MAX, arenas);
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
}

size_t weir_free_memory(void) { return mallinfo2().fordblks; }

void weir_return_memory(void) { malloc_trim(0); }
#include <fcntl.h>
#include <stdio.h>

int weir_exchange(const char *one, const char *other) { return renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE); }
