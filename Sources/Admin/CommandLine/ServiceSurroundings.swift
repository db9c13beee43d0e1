/// What the service manager tells the service, and an operator's shell beside it does not know.
public enum ServiceSurroundings {
    static let stateVariable = "STATE_DIRECTORY"
    static let stateDirectory = "/var/lib/proxyd"

    /// The environment by which the service's file names the service's state in a shell too: `${STATE_DIRECTORY:-./state}` would be
    /// a folder of wherever the shell is.
    ///
    /// - Parameter isThere: whether there is such a directory.
    public static func environment(
        _ inherited: [String: String], forFile path: String, isThere: (String) -> Bool
    ) -> [String: String] {
        let isTold = inherited[stateVariable].map { !$0.isEmpty } ?? false
        guard path.hasPrefix("/etc/proxyd/"), !isTold, isThere(stateDirectory) else { return inherited }
        var environment = inherited
        environment[stateVariable] = stateDirectory
        return environment
    }
}
