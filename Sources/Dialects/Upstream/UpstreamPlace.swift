/// Where an upstream is, as far as the targets of its requests depend on it.
public struct UpstreamPlace: Sendable, Hashable {
    /// The part of its address that every path begins with; no slash at its end.
    public let basePath: String
    /// `api-version` of dated addresses.
    public let apiVersion: String?
    /// The deployment of each model that is asked for.
    public let deployments: [String: String]

    public init(basePath: String, apiVersion: String? = nil, deployments: [String: String] = [:]) {
        self.basePath = basePath
        self.apiVersion = apiVersion
        self.deployments = deployments
    }

    /// A client's path under the base: `/v1` is not said twice, nor where the base `hasVersion` of its own.
    func joined(_ path: UnsafeRawBufferPointer, unlessVersion hasVersion: Bool) -> [UInt8] {
        var target = Array(basePath.utf8)
        target.append(contentsOf: path[(hasVersion && path.starts("/v1/") ? 3 : 0)...])
        return target
    }
}
