// An empty data package for ICU, in the place of the 34 MB one that comes with a statically linked Foundation.
//
// proxyd asks Foundation for nothing that needs ICU's data: zones are read from the system's database (ProxyCore/Configuration/Zone),
// texts are compared by scalars, numbers and dates are written by our own code. The linker takes this object for `icudt76_dat` and leaves
// the archive's member out. Where a toolchain brings another version of ICU, its symbol has another name: then its own data is
// linked, and nothing but the size changes.
//
// The layout is that of ICU's common data header (unicode/udata.h) with a table of contents of no items.

#ifdef PROXYD_STATIC_FOUNDATION
#include <stdint.h>

struct CommonData {
    uint16_t headerSize;
    uint8_t magic1, magic2;
    uint16_t infoSize, reserved;
    uint8_t isBigEndian, charset, unitSize, reserved2;
    uint8_t format[4], formatVersion[4], dataVersion[4];
    uint8_t padding[8];
    uint32_t itemCount, reserved3;
};

_Alignas(16) const struct CommonData icudt76_dat = {
    32, 0xda, 0x27, 20, 0, 0, 0, 2, 0, {'T', 'o', 'C', 'P'}, {1, 0, 0, 0}, {76, 1, 0, 0}, {0}, 0, 0,
};
#endif
