#include <malloc.h>
#include <stdbool.h>

// A switch of Swift's runtime (stdlib/public/runtime/Exclusivity.cpp).
extern bool _swift_disableExclusivityChecking;

// Dynamic checks for exclusive access are compiled into packages that this one depends on, where no flag of ours reaches.
static inline void skip_exclusivity_checks(void) {
    _swift_disableExclusivityChecking = true;
}

// Gives the kernel the pages of what was allocated and is free.
static inline void give_back_free_memory(void) {
    malloc_trim(0);
}
