import Dialects
import RuleEngine

/// What `proxyd eval` computes: an expression over values that are given as JSON.
///
/// Nothing that an input holds hangs, exhausts or traps.
public enum ExpressionEvaluator {
    public enum Answer: Sendable, Hashable {
        case value(ExpressionValue)
        /// It is an expression and has no value: a missing map key, a division by zero.
        case failed(String)
        /// It is none; the place is counted in the text of the expression.
        case refused(Diagnostic)
        /// What was given beside it cannot be read.
        case unreadable(String)
    }

    /// Bytes of a line, or of a file with bindings.
    public static let mostBytes = 1 << 20

    private static let limits = JSONValue.Limits(depth: 200, count: 200_000, duplicates: .refuse)

    /// - Parameter bindings: a JSON object, of which each member is a name that the expression may use.
    public static func evaluate(_ source: String, bindings bytes: [UInt8]?) -> Answer {
        guard let bytes else { return evaluate(source, .object([:]), .checked) }
        switch parsed(bytes, "the file") {
        case .success(let json): return evaluate(source, json, .checked)
        case .failure(let problem): return .unreadable(problem.message)
        }
    }

    /// The answer to a line `{"expr", "bindings"}`, without its newline: `{"value": …}` or `{"error": "…"}`, whatever it holds.
    ///
    /// Types are found out while it is computed: those of the bindings are known by their values alone. A line that says
    /// `"disable_check": false` has them checked before.
    public static func answer(line: [UInt8]) -> [UInt8] {
        let json: JSONValue
        switch parsed(line, "the line") {
        case .success(let value): json = value
        case .failure(let problem): return error(problem.message)
        }
        guard case .object(let members) = json else { return error("the line is no object; write {\"expr\": \"1 + 1\"}") }
        guard case .string(let source)? = members["expr"] else { return error("'expr' is missing, or is no text") }
        let typing = members["disable_check"] == .bool(false) ? Calculation.Typing.checked : .dynamic
        switch evaluate(source, members["bindings"] ?? .object([:]), typing) {
        case .value(let value): return JSONValue.members(("value", value.json)).bytes
        case .failed(let message), .unreadable(let message): return error(message)
        case .refused(let problem):
            return error("\(problem.location.line):\(problem.location.column): \(problem.message)")
        }
    }

    /// The answer to a line that is longer than may be.
    public static var answerToTooLong: [UInt8] { error("the line is longer than \(mostBytes) bytes") }

    private static func error(_ message: String) -> [UInt8] { JSONValue.members(("error", .string(message))).bytes }

    private struct Unreadable: Error { let message: String }

    private static func parsed(_ bytes: [UInt8], _ what: String) -> Result<JSONValue, Unreadable> {
        guard bytes.count <= mostBytes else {
            return .failure(Unreadable(message: "\(what) has more than \(mostBytes) bytes"))
        }
        guard String(validating: bytes, as: UTF8.self) != nil else { return .failure(Unreadable(message: "\(what) is no UTF-8")) }
        do throws(JSONScan.Problem) {
            return .success(try JSONValue(parsing: bytes, limits: limits))
        } catch {
            return .failure(Unreadable(message: "\(what) is no JSON: \(words(error))"))
        }
    }

    private static func words(_ problem: JSONScan.Problem) -> String {
        switch problem {
        case .empty, .notAContainer: "there is nothing"
        case .syntax(let offset, _): "something is wrong at byte \(offset + 1)"
        case .tooDeep: "it is nested too deep"
        case .duplicateKey(let offset): "a name is there twice, at byte \(offset + 1)"
        case .trailing(let offset): "more follows at byte \(offset + 1)"
        case .tooMany: "there are too many values"
        }
    }

    private static func evaluate(_ source: String, _ json: JSONValue, _ typing: Calculation.Typing) -> Answer {
        var bindings: [(name: String, value: ExpressionValue)] = []
        switch json {
        case .null: break
        case .object(let object):
            for member in object.members {
                guard let value = ExpressionValue(json: member.value, depth: 0) else {
                    return .unreadable("the value of '\(LoadContext.shortened(member.key))' cannot be read")
                }
                bindings.append((member.key, value))
            }
        case .bool, .number, .string, .unpaired, .array: return .unreadable("the bindings are no object")
        }
        do throws(Condition.Problem) {
            let calculation = try Calculation(source, bindings: bindings, typing: typing)
            switch calculation.evaluate(utcOffset: { Zones.offset(of: $0, at: $1) }) {
            case .value(let value): return .value(value)
            case .failed(let message): return .failed(message)
            }
        } catch {
            guard error.length > 0 else { return .unreadable(error.message) }
            return .refused(diagnostic(error, in: source))
        }
    }

    private static func diagnostic(_ problem: Condition.Problem, in source: String) -> Diagnostic {
        let bytes = Array(source.utf8)
        let text = SourceText(file: "expression", bytes: bytes)
        let location = SourceText.location(ofByte: problem.offset, in: bytes, file: "expression")
        let within = bytes.dropFirst(problem.offset).prefix(problem.length)
        return Diagnostic(
            .error, at: location, path: "", message: problem.message,
            length: String(decoding: within, as: UTF8.self).unicodeScalars.prefix { $0 != "\n" && $0 != "\r" }.count,
            sourceLine: text.line(location.line))
    }
}
