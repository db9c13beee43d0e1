import CSwiftRuntime
import ProxyCore

/// Gives back the memory that a burst of requests has left, once nobody asks.
struct MemoryRelease: Service {
    let context: ProxyContext

    func run() async {
        var memory = IdleMemory()
        let operators = context.metrics.counter(.adminRequests)
        while (try? await Task.sleep(for: .seconds(1))) != nil {
            let isDue = memory.isDue(
                resident: ProcessMetrics.residentBytes, active: context.activeRequests,
                ended: context.metrics.live.counted + Int(operators.value))
            guard isDue else { continue }
            give_back_free_memory()
            memory.gaveBack(resident: ProcessMetrics.residentBytes)
        }
    }
}
