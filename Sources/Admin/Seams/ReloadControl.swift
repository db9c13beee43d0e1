import ProxyCore

/// What the admin plane needs of the configuration's reloader.
public protocol ReloadControl: Sendable {
    /// Reads the file anew, and puts it in force before it returns, or says why not.
    func reload(trigger: ReloadTrigger) async -> ReloadOutcome
    var status: Published<ReloadStatus> { get }
}

extension ConfigurationReloader: ReloadControl {}
