"""A clock that a check sets: a shim before libc under which proxyd's wall clock is what a file says.

Monotonic time stays as it is, but for the coarse clock by which proxyd reckons what has passed: `go_on` moves both."""

import math
import os
import pathlib
import shutil
import struct
import subprocess
import time

from checks import Skip

# The shim asks the kernel, not libc: a sanitizer that comes before it knows nothing of this library. What waits until a time of the
# wall clock is given the kernel's time again, or it would wait for the difference too.
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile long long zero[2], *offset = zero; /* seconds: of the wall clock, of the coarse one */

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CHECK_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(0, 16, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) offset = page;
}

int clock_gettime(clockid_t clock, struct timespec *out) {
    int result = syscall(SYS_clock_gettime, clock, out);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) out->tv_sec += offset[0];
    if (result == 0 && clock == CLOCK_MONOTONIC_COARSE) out->tv_sec += offset[1];
    return result;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict until) {
    REAL(sem_timedwait);
    struct timespec moved = {until->tv_sec - *offset, until->tv_nsec};
    return real(sem, &moved);
}
"""


class Clock:
    """`env` is what proxyd is started with; it is told the real time until `set`."""

    def __init__(self, lab):
        compiler = next((path for path in map(shutil.which, ("cc", "gcc", "clang")) if path), None)
        if compiler is None or not pathlib.Path("/proc").exists():
            raise Skip("no C compiler to make a clock with")
        source, self.library, self.file = lab.folder / "clock.c", lab.folder / "clock.so", lab.folder / "clock"
        source.write_text(SOURCE)
        made = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", self.library, source, "-ldl"], capture_output=True)
        if made.returncode:
            raise Skip(f"the clock cannot be compiled: {made.stderr.decode(errors='replace')[:200]}")
        self.file.write_bytes(bytes(16))
        self.env = {"LD_PRELOAD": str(self.library), "CHECK_CLOCK": str(self.file)}

    def set(self, moment):
        """From now on it is this time (a datetime that knows its zone, or seconds since 1970), and goes on from there."""
        seconds = moment if isinstance(moment, (int, float)) else moment.timestamp()
        # Not a moment before it, by the coarse clock that lags behind by some milliseconds either.
        self._move(math.ceil(seconds - time.time() + 0.02))

    def step(self, seconds):
        self._move(self._offsets()[0] + seconds)

    def go_on(self, seconds):
        """So much time has passed, and nobody has set the clock."""
        wall, coarse = self._offsets()
        self._write(wall + seconds, coarse + seconds)

    def now(self):
        return time.time() + self._offsets()[0]

    def _offsets(self):
        return struct.unpack("qq", self.file.read_bytes())

    def _move(self, seconds):
        self._write(seconds, self._offsets()[1])

    def _write(self, *offsets):
        with open(self.file, "r+b", buffering=0) as file:  # in place: proxyd has this file in its memory
            os.pwrite(file.fileno(), struct.pack("qq", *offsets), 0)
