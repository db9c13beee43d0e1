/// Configuration that is part of the program.
public enum EmbeddedDefaults {
    /// The keys of the example.
    public static let exampleKey = "sk-example-key-for-the-first-try"
    public static let exampleAdminKey = "sk-admin-key-for-the-first-try"

    /// Where `proxyd simulate` listens, as a vendor of Anthropic's format and as one of OpenAI's.
    public static let simulatedAnthropic = "127.0.0.1:9180"
    public static let simulatedOpenAI = "127.0.0.1:9181"

    /// Where the example listens; the simulated vendors are as far above it in `example(port:)`, too.
    public static let examplePort = 8180

    /// The example at another port, and the simulated vendors 1000 and 1001 above it.
    public static func example(port: Int) -> String {
        example.replacing("127.0.0.1:\(examplePort)", with: "127.0.0.1:\(port)")
            .replacing(simulatedAnthropic, with: "127.0.0.1:\(port + 1_000)")
            .replacing(simulatedOpenAI, with: "127.0.0.1:\(port + 1_001)")
    }

    /// A complete example against the simulator: what `make run` starts when there is no file yet.
    ///
    /// Its keys are no secrets: the listener is the loopback's, and so are the upstreams.
    public static let example = """
        # An example to play with: two simulated vendors, a fallback between them, one key.
        # Save this file while proxyd runs, and the next request follows it.

        listen: 127.0.0.1:8180

        admin:
          key: ${PROXYD_ADMIN_KEY:-\(exampleAdminKey)}
          allow_from: [127.0.0.0/8, "::1"]

        state: ${STATE_DIRECTORY:-./state}

        upstreams:
          simulated:
            url: http://\(simulatedAnthropic)
            dialect: anthropic
            quota: {poll: /health, interval: 5s}
          spare:
            url: http://\(simulatedOpenAI)/v1
            dialect: openai

        fallback:
          threshold: 5%
          cooldown: 10s

        rules:
          - name: claude
            models: ["claude-*"]
            tiers:
              - simulated
              - spare/gpt-4o

          - name: everything else
            models: ["*"]
            tiers: [spare]

        keys:
          - {name: example, key: "${PROXYD_EXAMPLE_KEY:-\(exampleKey)}"}

        log: {level: info, format: text, requests: true}

        """
}
