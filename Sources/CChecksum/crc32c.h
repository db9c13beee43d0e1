#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// CRC-32C by the processor's own instruction, eight bytes a step. Swift has no name for it.

#if defined(__x86_64__)
#include <cpuid.h>

// Whether this processor has it. Asked once: the answer costs a thousand other instructions.
static inline bool crc32c_is_there(void) {
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2);
}

// - Parameter crc: of what is before, its bits turned, as the sum that is given.
__attribute__((target("sse4.2")))
static inline uint32_t crc32c_go_on(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *next = (const unsigned char *)bytes;
    uint64_t sum = crc;
    for (; count >= 8; count -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        sum = __builtin_ia32_crc32di(sum, word);
    }
    for (; count > 0; count--, next++) sum = __builtin_ia32_crc32qi((uint32_t)sum, *next);
    return (uint32_t)sum;
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

static inline bool crc32c_is_there(void) {
    return getauxval(AT_HWCAP) & (1 << 7);
}

__attribute__((target("crc")))
static inline uint32_t crc32c_go_on(uint32_t crc, const void *bytes, size_t count) {
    const unsigned char *next = (const unsigned char *)bytes;
    for (; count >= 8; count -= 8, next += 8) {
        uint64_t word;
        memcpy(&word, next, 8);
        crc = __builtin_arm_crc32cd(crc, word);
    }
    for (; count > 0; count--, next++) crc = __builtin_arm_crc32cb(crc, *next);
    return crc;
}
#else
static inline bool crc32c_is_there(void) {
    return false;
}

static inline uint32_t crc32c_go_on(uint32_t crc, const void *bytes, size_t count) {
    (void)bytes;
    (void)count;
    return crc;
}
#endif
