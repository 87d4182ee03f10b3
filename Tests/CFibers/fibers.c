#include "fibers.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

enum { stack_bytes = 512 * 1024, guard_bytes = 64 * 1024, pooled = 64 };

struct fiber {
    ucontext_t here, back;
    void *stack;
    void (*body)(void *);
    void *context;
    int done;
};

static _Thread_local fiber *running;
static _Thread_local void *pool[pooled];
static _Thread_local int pool_count;

static void *take_stack(void) {
    if (pool_count > 0) return pool[--pool_count];
    char *stack = mmap(NULL, guard_bytes + stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED || mprotect(stack, guard_bytes, PROT_NONE) != 0) abort();
    return stack;
}

static void begin(void) {
    fiber *self = running;
    self->body(self->context);
    self->done = 1;
    swapcontext(&self->here, &self->back);
    abort();  // nobody resumes what is done
}

fiber *fiber_make(void (*body)(void *), void *context) {
    fiber *made = calloc(1, sizeof *made);
    if (made == NULL) abort();
    made->stack = take_stack();
    made->body = body;
    made->context = context;
    getcontext(&made->here);
    made->here.uc_stack.ss_sp = (char *)made->stack + guard_bytes;
    made->here.uc_stack.ss_size = stack_bytes;
    made->here.uc_link = NULL;
    makecontext(&made->here, begin, 0);
    return made;
}

void fiber_resume(fiber *it) {
    if (it->done || running != NULL) abort();
    running = it;
    swapcontext(&it->back, &it->here);
    running = NULL;
}

void fiber_yield(void) {
    fiber *self = running;
    if (self == NULL) abort();
    swapcontext(&self->here, &self->back);
}

int fiber_is_done(const fiber *it) { return it->done; }

void fiber_free(fiber *it) {
    if (pool_count < pooled) pool[pool_count++] = it->stack;
    else munmap(it->stack, guard_bytes + stack_bytes);
    free(it);
}
