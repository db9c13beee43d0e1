import Glibc

/// What the kernel knows of this process, read when the metrics are asked for.
public enum ProcessMetrics {
    /// Has them in every rendering from now on; `version` is in `proxyd_build_info`.
    public static func install(in registry: MetricsRegistry, version: String) {
        registry.gauge(.buildInfo, version).set(1.0)
        if let start = startTime() { registry.gauge(.processStartSeconds).set(start) }
        registry.addCollector(collect)
    }

    private static func collect(_ registry: MetricsRegistry) {
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            registry.gauge(.processCPUSeconds).set(seconds(usage.ru_utime) + seconds(usage.ru_stime))
        }
        let pages = read("/proc/self/statm").split(separator: " ").compactMap { Double($0) }
        if pages.count > 1 {
            let pageSize = Double(sysconf(Int32(_SC_PAGESIZE)))
            registry.gauge(.processVirtualBytes).set(pages[0] * pageSize)
            registry.gauge(.processResidentBytes).set(pages[1] * pageSize)
        }
        if let files = openFiles() { registry.gauge(.processOpenFiles).set(Double(files)) }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            registry.gauge(.processMaximumFiles).set(Double(limit.rlim_cur))
        }
    }

    /// Resident memory in bytes; 0 where the kernel does not say.
    public static var residentBytes: Int {
        let pages = read("/proc/self/statm").split(separator: " ").compactMap { Int($0) }
        return pages.count > 1 ? pages[1] * sysconf(Int32(_SC_PAGESIZE)) : 0
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }

    /// Seconds since 1970. `/proc/stat`, which has the time of boot, can be hidden, so that is reckoned from two clocks.
    private static func startTime() -> Double? {
        // The name in parentheses may hold anything; the 22nd field is the 20th after it.
        let fields = read("/proc/self/stat").split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 19, let ticks = Double(fields[19]) else { return nil }
        var sinceBoot = timespec()
        var since1970 = timespec()
        clock_gettime(CLOCK_BOOTTIME, &sinceBoot)
        clock_gettime(CLOCK_REALTIME, &since1970)
        let age = Double(sinceBoot.tv_sec) + Double(sinceBoot.tv_nsec) / 1e9 - ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        return ((Double(since1970.tv_sec) + Double(since1970.tv_nsec) / 1e9 - age) * 100).rounded() / 100
    }

    private static func openFiles() -> Int? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // `.`, `..`, and the directory's own.
        return max(count - 3, 0)
    }

    /// The beginning of a small file; empty when it cannot be read.
    private static func read(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        return String(unsafeUninitializedCapacity: 1024) { buffer in
            max(Glibc.read(file, buffer.baseAddress, buffer.count), 0)
        }
    }
}
