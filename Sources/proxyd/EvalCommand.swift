import ArgumentParser
import Foundation
import ProxyCore

/// What an expression of the rules' language comes to.
struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Compute an expression in CEL, the language of conditions.",
        discussion: """
            It sees what --bindings gives it and nothing else: proxyd eval --expr 'request.size > 1000' --bindings request.json, where \
            the file has {"request": {"size": 2048}}. A value whose type JSON does not have is written {"uint": "1"}, \
            {"bytes": "00ff"}, {"timestamp": "2026-01-31T12:00:00Z"} or {"duration": "1h30m"}.

            With --jsonl each line of standard input is {"expr", "bindings"}, and a line {"value": …} or {"error": "…"} answers it. \
            What is no expression ends with 64, an expression without a value with 1.
            """)

    @Option(help: "The expression.")
    var expr: String?
    @Option(help: "A file with a JSON object of the names that the expression may use; - is standard input.", completion: .file())
    var bindings: String?
    @Flag(help: "Answer every line of standard input.")
    var jsonl = false
    @Option(help: "How the value is printed: text, as an expression would write it, or json.")
    var format = CheckCommand.Format.text

    func validate() throws {
        guard jsonl == (expr == nil) else {
            throw ValidationError(jsonl ? "--jsonl takes its expressions from standard input" : "give --expr, or --jsonl")
        }
        guard !jsonl || bindings == nil else { throw ValidationError("with --jsonl each line has bindings of its own") }
    }

    func run() throws {
        guard let expr else { return try answerLines() }
        switch ExpressionEvaluator.evaluate(expr, bindings: try bindings.map(Self.read)) {
        case .value(let value):
            try Self.print(Array((format == .json ? "{\"value\":\(value.json.text)}" : value.text).utf8))
        case .failed(let message):
            Terminal.error("error: \(message)\n")
            throw ExitCode(Exit.failure)
        case .refused(let diagnostic):
            Terminal.error(DiagnosticRenderer.text(diagnostic) + "\n")
            throw ExitCode(Exit.usage)
        case .unreadable(let message):
            throw ValidationError(message)
        }
    }

    /// What has come is answered before more is waited for.
    private func answerLines() throws {
        var cutter = LineCutter(limit: ExpressionEvaluator.mostBytes)
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(STDIN_FILENO, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            for line in cutter.feed(chunk[..<count]) { try Self.print(Self.answer(line)) }
        }
        if let line = cutter.finish() { try Self.print(Self.answer(line)) }
    }

    private static func answer(_ line: LineCutter.Line) -> [UInt8] {
        switch line {
        case .whole(let bytes): ExpressionEvaluator.answer(line: bytes)
        case .tooLong: ExpressionEvaluator.answerToTooLong
        }
    }

    private static func read(_ file: String) throws -> [UInt8] {
        let handle = try InputFile.handle(file)
        guard let data = try? handle.read(upToCount: ExpressionEvaluator.mostBytes + 1) ?? Data() else {
            throw InputFile.unreadable(file)
        }
        return Array(data)
    }

    /// A line. Where nobody takes it, there is nothing more to do.
    private static func print(_ line: [UInt8]) throws {
        var rest = (line + [0x0A])[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw ExitCode(Exit.failure) }
            rest = rest.dropFirst(written)
        }
    }
}
