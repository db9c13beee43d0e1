#ifndef CGUARDEDMAPPING_H
#define CGUARDEDMAPPING_H

#include <stdbool.h>
#include <stddef.h>

/// How many mappings can be guarded at a time.
#define GUARDED_MAPPINGS_MOST 4096

/// Guards a mapping of a file. Where the kernel cannot bring one of its pages (SIGBUS: the disk fails, is full, or somebody has cut the
/// file short), empty memory takes the place of all of it, and the process goes on.
///
/// - Parameters:
///   - base, size: what mmap(2) gave; whole pages.
///   - owner: says whose it is, for guarded_mapping_lost; not 0.
/// - Returns: false where there are too many.
bool guarded_mapping_add(void *base, size_t size, long owner);

/// Called before the mapping goes: what lies at its addresses later is not guarded.
void guarded_mapping_remove(void *base);

/// Whether memory has taken the place of a mapping of this owner that is still guarded.
bool guarded_mapping_lost(long owner);

#endif
