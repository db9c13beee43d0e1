import Foundation

@testable import RuleEngine

/// The public conformance cases of CEL, read from the shared test data beside the repository.
enum Conformance {
    struct Case: Sendable, CustomStringConvertible {
        let file: String
        let section: String
        let name: String
        let expression: String
        let isChecked: Bool
        let bindings: [String: CELValue]
        /// nil: an error is expected.
        let expected: CELValue?

        var description: String { "\(file)/\(section)/\(name): \(expression)" }
    }

    static var folder: URL {
        if let path = ProcessInfo.processInfo.environment["PROXYD_SHARED"] { return URL(fileURLWithPath: path) }
        var root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        for _ in 0..<3 { root.deleteLastPathComponent() }
        return root.deletingLastPathComponent().appendingPathComponent("shared")
    }

    /// nil when the data is not there.
    static func cases() throws -> [Case]? {
        let file = folder.appendingPathComponent("data/cel/simple.jsonl")
        guard let data = try? Data(contentsOf: file) else { return nil }
        return try data.split(separator: UInt8(ascii: "\n")).map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any] ?? [:]
            return Case(
                file: object["file"] as? String ?? "", section: object["section"] as? String ?? "",
                name: object["name"] as? String ?? "", expression: object["expr"] as? String ?? "",
                isChecked: object["disable_check"] as? Bool != true,
                bindings: (object["bindings"] as? [String: Any] ?? [:]).compactMapValues(value), expected: value(object["value"]))
        }
    }

    private static func value(_ any: Any?) -> CELValue? {
        guard let object = any as? [String: Any], let (kind, content) = object.first else { return nil }
        let text = content as? String ?? ""
        switch kind {
        case "null": return .null
        case "bool": return .bool(content as? Bool ?? false)
        case "int": return Int(text).map { .int($0) }
        case "uint": return UInt(text).map { .uint($0) }
        case "double": return Double(text).map { .double($0) }
        case "string": return .string(text)
        case "type": return .type(text)
        case "bytes":
            let digits = Array(text)
            return .bytes(
                stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...($0 + 1)]), radix: 16) })
        case "list": return .list((content as? [Any] ?? []).compactMap { value($0) })
        case "map":
            let entries = (content as? [[Any]] ?? []).compactMap { pair -> (key: CELValue, value: CELValue)? in
                guard pair.count == 2, let key = value(pair[0]), let value = value(pair[1]) else { return nil }
                return (key, value)
            }
            return CELMap(entries).map { .map($0) }
        default: return nil
        }
    }

    /// nil when the case passes, else what came instead. With `isDynamic` types are found out while it is computed, as by `--jsonl`.
    static func failure(of test: Case, isDynamic: Bool = false) -> String? {
        let names = test.bindings.keys.sorted()
        let bindings = names.map { (name: $0, type: test.bindings[$0].map { CELType(of: $0) } ?? .dyn) }
        let result: CELValue
        do {
            let expression = try CELExpression(test.expression, bindings: bindings, isChecked: test.isChecked && !isDynamic)
            result = try expression.evaluate(test.bindings, utcOffset: offset)
        } catch let error as SyntaxProblem {
            return test.expected == nil ? nil : "refused: \(error.message)"
        } catch let error as EvaluationError {
            return test.expected == nil ? nil : "failed: \(error.message)"
        } catch {
            return "\(error)"
        }
        guard let expected = test.expected else { return "\(result.shown) instead of an error" }
        return same(result, expected) ? nil : "\(result) instead of \(expected)"
    }

    /// Strict about types, and NaN is NaN.
    private static func same(_ left: CELValue, _ right: CELValue) -> Bool {
        switch (left, right) {
        case (.double(let left), .double(let right)): left == right || (left.isNaN && right.isNaN)
        case (.list(let left), .list(let right)): left.count == right.count && zip(left, right).allSatisfy(same)
        case (.map(let left), .map(let right)):
            left.count == right.count
                && left.entries.allSatisfy { entry in right.value(entry.key).map { same(entry.value, $0) } ?? false }
        default: left.typeName == right.typeName && equal(left, right)
        }
    }

    private static func equal(_ left: CELValue, _ right: CELValue) -> Bool {
        var frame = Frame()
        return (try? left.equals(right, &frame)) ?? false
    }

    /// The few zones the cases name, at the instants they name.
    private static func offset(_ zone: String, _ seconds: Int) -> Int? {
        switch zone {
        case "US/Central": -6 * 3_600
        case "America/St_Johns": -12_600
        case "Asia/Kathmandu": 20_700
        default: nil
        }
    }
}
