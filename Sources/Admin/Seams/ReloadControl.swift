import ProxyCore

/// What the admin plane needs of the configuration's reloader.
public protocol ReloadControl: Sendable {
    /// Reads the file anew, and puts it in force before it returns, or says why not.
    func reload(trigger: ReloadTrigger, by call: ReloadCall) async -> ReloadOutcome
    var status: Published<ReloadStatus> { get }
    /// The versions that are kept; nil where none are.
    var history: ConfigurationHistory? { get async }
}

extension ConfigurationReloader: ReloadControl {}
