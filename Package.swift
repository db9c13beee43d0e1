// swift-tools-version: 6.2
import PackageDescription

#if canImport(Glibc)
import Glibc
#endif

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]

/// Each function is a piece of its own for the linker, which leaves out what nobody calls and puts together what runs together. Generic types
/// are made by calls, not by their names: a name is parsed, and each of its conformances looked for among all, at a start.
let lean = ["-Xfrontend", "-function-sections", "-Xfrontend", "-disable-concrete-type-metadata-mangled-name-accessors"]

// The data path keeps to one loop and is tested with dynamic exclusivity checks in debug builds; in release they cost 3%.
let fast: [SwiftSetting] = strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"] + lean, .when(configuration: .release))]

/// What no request waits for is built for size.
let small: [SwiftSetting] = strict + [.unsafeFlags(["-Osize"] + lean, .when(configuration: .release))]

/// What the linker reads besides objects.
let linkFiles = "\(Context.packageDirectory)/Sources/proxyd/Link"

/// What is linked in from its archive wherever a shared library is asked for, so that the release binary needs libc alone. Where there are
/// no archives, PROXYD_SHARED_LIBRARIES=1 leaves it.
let linkedIn = ["yaml", "sqlite3", "z", "stdc++", "gcc_s"]
let archives =
    Context.environment["PROXYD_SHARED_LIBRARIES"] == nil
    ? linkedIn.flatMap { ["-Xlinker", "--remap-inputs=*/lib\($0).so*=\(linkFiles)/static/\($0).ld"] } : []

/// 3 MB of addresses that are only moved, in a twentieth of the space: where the program is built on a glibc that can read them (2.36).
#if canImport(Glibc)
var glibc = [UInt8](repeating: 0, count: 64)
let length = glibc.withUnsafeMutableBytes { confstr(Int32(_CS_GNU_LIBC_VERSION), $0.baseAddress, $0.count) }
let numbers = String(decoding: glibc.prefix(length), as: UTF8.self).split { !$0.isNumber }.compactMap { Int($0) }
let relocations = [2, 36].lexicographicallyPrecedes(numbers + [0]) ? ["-Xlinker", "-z", "-Xlinker", "pack-relative-relocs"] : []
#else
let relocations: [String] = []
#endif

/// Packages that other packages depend on, named by a target so that SwiftPM does not warn of versions that nobody uses. None is built for it.
let pinned: [Target.Dependency] = [
    .product(name: "SwiftASN1", package: "swift-asn1", condition: .when(platforms: [.wasi])),
    .product(name: "Atomics", package: "swift-atomics", condition: .when(platforms: [.wasi])),
    .product(name: "Collections", package: "swift-collections", condition: .when(platforms: [.wasi])),
    .product(name: "SystemPackage", package: "swift-system", condition: .when(platforms: [.wasi])),
]

let package = Package(
    name: "proxyd",
    products: [.executable(name: "proxyd", targets: ["proxyd"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        // What those depend on: theirs is a range, so the version is said here.
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-atomics", exact: "1.3.0"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
    ],
    targets: [
        // libyaml, and nothing else.
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),

        // zlib: bodies that come compressed.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // CRC-32C by the processor's own instruction.
        .systemLibrary(name: "CChecksum"),

        // One switch of Swift's runtime.
        .systemLibrary(name: "CSwiftRuntime"),

        // Functions that keep 37 MB for locales out of the release binary.
        .target(name: "CICU", cSettings: [.define("PROXYD_STATIC_FOUNDATION", .when(configuration: .release))]),

        // A mapping of a file that outlives its disk: one handler of a signal.
        .target(name: "CGuardedMapping"),

        // Pure: what several targets need, each once. Dates, hex, base64, SHA-256, bytes looked at in sixteens.
        .target(name: "Basics", swiftSettings: fast),

        // Pure: which rule a request meets. Globs, conditions in CEL, decisions and their explanations.
        .target(name: "RuleEngine", dependencies: ["Basics"], swiftSettings: fast),

        // Pure: the wire formats. JSON and SSE by bytes, one folder per format, conversion through one event list.
        .target(name: "Dialects", dependencies: ["Basics"], swiftSettings: fast),

        // Pure: HTTP/1.1 by bytes. Heads and chunks read strictly, for both sides, and what writes them.
        .target(name: "HTTP1", dependencies: ["Basics"], swiftSettings: fast),

        // One client request from head to ledger line, the state it needs, and the file that configures it.
        .target(
            name: "ProxyCore",
            dependencies: [
                "CChecksum", "CGuardedMapping", "CYAML", "CZlib", "Basics", "HTTP1", "RuleEngine", "Dialects",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "GRDB", package: "GRDB.swift"),
            ],
            exclude: ["Configuration/Presets"],
            swiftSettings: fast),

        // What operators talk to: admin API, health, metrics, model lists, Lark's callbacks.
        .target(
            name: "Admin",
            dependencies: [
                "ProxyCore", "Basics", "RuleEngine", "Dialects",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["Dashboard/web"],
            swiftSettings: small),

        // A pretended LLM provider: for a first try, for fire drills, for tests.
        .target(
            name: "Simulator",
            dependencies: [
                "HTTP1",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: small),

        // Command line and wiring only.
        .executableTarget(
            name: "proxyd",
            dependencies: [
                "CICU", "CSwiftRuntime", "Admin", "ProxyCore", "Simulator",
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ] + pinned,
            exclude: ["Link"],
            swiftSettings: small,
            // One binary that needs no Swift on the machine it runs on, and calls the runtime directly.
            linkerSettings: [
                .unsafeFlags(
                    [
                        "-static-stdlib", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims",
                        "-l_FoundationCollections",
                        // Nobody links against it: no symbol is kept for others, and what is alike is kept once.
                        "-use-ld=lld", "-Xlinker", "-O2", "-Xlinker", "--version-script=\(linkFiles)/symbols.map", "-Xlinker",
                        "--icf=safe",
                        "-Xlinker", "--no-eh-frame-hdr", "-Xlinker", "-T", "-Xlinker", "\(linkFiles)/sections.ld",
                    ] + relocations + archives, .when(configuration: .release))
            ]),

        .testTarget(name: "BasicsTests", dependencies: ["Basics"], swiftSettings: strict),
        .testTarget(name: "RuleEngineTests", dependencies: ["Basics", "RuleEngine"], swiftSettings: strict),
        .testTarget(name: "DialectsTests", dependencies: ["Basics", "Dialects"], exclude: ["Fixtures"], swiftSettings: strict),
        .testTarget(
            name: "HTTP1Tests",
            dependencies: [
                "Basics", "HTTP1",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ],
            swiftSettings: strict),
        .testTarget(
            name: "ProxyCoreTests",
            dependencies: [
                "ProxyCore", "Simulator", "HTTP1", "RuleEngine", "Dialects",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
            ],
            exclude: ["Configuration/Goldens"],
            swiftSettings: strict),
        .testTarget(
            name: "AdminTests",
            dependencies: ["Admin", "Basics", "ProxyCore", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: strict),
    ]
)
