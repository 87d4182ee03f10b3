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

void weir_bound_arenas(int count) { mallopt(M_ARENA_MAX, count); }
