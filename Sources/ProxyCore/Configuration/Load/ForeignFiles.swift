/// Recognises files that were written for another program.
enum ForeignFiles {
    private struct Shape {
        var program: String
        /// Top-level keys, of which one is enough.
        var keys: Set<String>
        var advice: String
    }

    private static let shapes = [
        Shape(
            program: "LiteLLM's config.yaml", keys: ["model_list", "litellm_settings"],
            advice: "each 'litellm_params' there is an upstream here (preset or url and dialect, key), each 'model_name' a rule "
                + "(models, tiers), 'master_key' is admin.key"),
        Shape(
            program: "a Compose file", keys: ["services"],
            advice: "proxyd's own file stands beside it: 'ports' there, 'listen', 'upstreams' and 'rules' here"),
        Shape(
            program: "Envoy's configuration", keys: ["static_resources", "dynamic_resources"],
            advice: "its listeners are 'listen' here, its clusters 'upstreams', its routes 'rules'"),
        Shape(
            program: "a manifest for Kubernetes", keys: ["apiVersion", "kind", "spec"],
            advice: "proxyd's own file is what a ConfigMap of it holds"),
        Shape(
            program: "Traefik's configuration", keys: ["entryPoints", "routers"],
            advice: "its entry points are 'listen' here, its services 'upstreams', its routers 'rules'"),
    ]

    private static let own: Set<String> = [
        "upstreams", "rules", "listen", "policies", "keys", "models", "prices", "include", "admin",
    ]

    /// What the mapping looks like, and the key that says so; nil for a file that has anything of ours.
    static func problem(with entries: [YAMLEntry]) -> (entry: YAMLEntry, message: String)? {
        guard !entries.contains(where: { own.contains($0.key) }) else { return nil }
        for shape in shapes {
            guard let entry = entries.first(where: { shape.keys.contains($0.key) }) else { continue }
            let message = "this looks like \(shape.program), which proxyd does not read: \(shape.advice)"
            return (entry, "\(message); 'proxyd init' writes a first file")
        }
        return nil
    }

    /// What a file that is one text looks like.
    static func problem(withText text: String) -> String? {
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" || $0 == "\t" }).prefix(400)
        if words.contains("proxy_pass") || words.contains("{") && words.contains(where: { $0.hasSuffix(";") }) {
            return "this looks like nginx's configuration, which proxyd does not read: 'listen' is 'listen' here, 'upstream' and "
                + "'proxy_pass' are 'upstreams', 'location' is a rule of 'rules'; 'proxyd init' writes a first file"
        }
        if words.contains("reverse_proxy") {
            return "this looks like a Caddyfile, which proxyd does not read; 'proxyd init' writes a first file"
        }
        guard let first = words.first, let sign = first.firstIndex(of: "="), sign > first.startIndex else { return nil }
        return "this looks like a file of environment variables; proxyd's own is YAML: 'key: value'"
    }
}
