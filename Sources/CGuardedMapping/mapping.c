// In C: a handler of SIGBUS runs in the middle of any instruction that touches the mapping, and may do nothing but what is safe there.
// Swift gives no word on what its code does behind the scenes.

#include "CGuardedMapping.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

struct mapping {
    // 0: free; 1: taken, not guarded yet or no more.
    atomic_uintptr_t base;
    atomic_size_t size;
    atomic_long owner;
    atomic_bool is_lost;
};

static struct mapping mappings[GUARDED_MAPPINGS_MOST];
// None behind this one has ever been used.
static atomic_int used;
static struct sigaction before;
static atomic_flag is_installed = ATOMIC_FLAG_INIT;

static void handle(int number, siginfo_t *info, void *context) {
    (void)context;
    int error = errno;
    uintptr_t address = (uintptr_t)info->si_addr;
    int count = atomic_load(&used);
    for (int index = 0; index < count; index++) {
        struct mapping *mapping = &mappings[index];
        uintptr_t base = atomic_load(&mapping->base);
        if (base <= 1 || address < base || address - base >= atomic_load(&mapping->size)) continue;
        void *memory = mmap(
            (void *)base, atomic_load(&mapping->size), PROT_READ | PROT_WRITE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) break;
        atomic_store(&mapping->is_lost, true);
        errno = error;
        // The instruction runs once more.
        return;
    }
    // Not ours: it happens again, and whoever was there before is told.
    sigaction(number, &before, NULL);
    errno = error;
}

static void install(void) {
    if (atomic_flag_test_and_set(&is_installed)) return;
    struct sigaction action = {0};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, &before);
}

bool guarded_mapping_add(void *base, size_t size, long owner) {
    install();
    for (int index = 0; index < GUARDED_MAPPINGS_MOST; index++) {
        struct mapping *mapping = &mappings[index];
        uintptr_t none = 0;
        if (!atomic_compare_exchange_strong(&mapping->base, &none, 1)) continue;
        atomic_store(&mapping->size, size);
        atomic_store(&mapping->owner, owner);
        atomic_store(&mapping->is_lost, false);
        int most = atomic_load(&used);
        while (most <= index && !atomic_compare_exchange_weak(&used, &most, index + 1)) {}
        atomic_store(&mapping->base, (uintptr_t)base);
        return true;
    }
    return false;
}

static struct mapping *find(void *base) {
    int count = atomic_load(&used);
    for (int index = 0; index < count; index++) {
        if (atomic_load(&mappings[index].base) == (uintptr_t)base) return &mappings[index];
    }
    return NULL;
}

void guarded_mapping_remove(void *base) {
    struct mapping *mapping = find(base);
    if (mapping == NULL) return;
    atomic_store(&mapping->base, 1);
    atomic_store(&mapping->owner, 0);
    atomic_store(&mapping->is_lost, false);
    atomic_store(&mapping->base, 0);
}

bool guarded_mapping_lost(long owner) {
    int count = atomic_load(&used);
    for (int index = 0; index < count; index++) {
        if (atomic_load(&mappings[index].owner) == owner && atomic_load(&mappings[index].is_lost)) return true;
    }
    return false;
}
