#pragma once
#include <stddef.h>

/// Functions that can be left in the middle and gone on with later, all on one thread: POSIX's ucontext (makecontext(3)).
///
/// The simulator runs each instance's blocking code as one, so that one seed gives one order of events.
/// Each stays on the thread that made it. Swift tracks accesses to memory by thread: leave no fiber inside an `inout` access.
typedef struct fiber fiber;

/// A fiber that will run `body(context)` when it is first resumed. The caller owns it and ends it by `fiber_free`.
fiber *fiber_make(void (*body)(void *), void *context);

/// Runs it until it yields or its body returns. Not from inside a fiber.
void fiber_resume(fiber *);

/// Leaves the running fiber; `fiber_resume` returns.
void fiber_yield(void);

/// Whether its body has returned.
int fiber_is_done(const fiber *);

/// Frees it; its body must have returned, or never have begun, lest what it holds leaks.
void fiber_free(fiber *);
