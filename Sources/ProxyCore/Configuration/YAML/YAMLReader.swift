import Basics
import CYAML

/// Reads one YAML document with libyaml. The only file that knows libyaml.
///
/// Bounded in every direction: bytes, depth, and nodes after aliases are expanded, so that no file exhausts memory.
enum YAMLReader {
    struct Bounds: Sendable {
        var bytes = 1 << 20
        var depth = 64
        var nodes = 100_000
    }

    struct Result: Sendable {
        /// nil for an empty document, and where an error stopped the reading.
        var node: YAMLNode?
        var problems: [Diagnostic] = []
    }

    static func read(_ input: [UInt8], file: String, bounds: Bounds = Bounds()) -> Result {
        let start = SourceLocation(file: file, line: 1, column: 1)
        guard input.count <= bounds.bytes else {
            return failure(at: start, "the file has more than \(bounds.bytes) bytes")
        }
        // libyaml counts a byte order mark as a column.
        let text = input.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(input.dropFirst(3)) : input
        if let offset = text.withUnsafeBytes({ UTF8Scan.firstInvalid(in: $0) }) {
            let isUTF16 = input.starts(with: [0xFF, 0xFE]) || input.starts(with: [0xFE, 0xFF])
            let place = SourceText.location(ofByte: offset, in: text, file: file)
            return failure(at: place, isUTF16 ? "the file is not UTF-8 but UTF-16; save it as UTF-8" : "the file is not UTF-8")
        }
        guard !text.isEmpty else { return Result() }
        let bytes = LeadingColons.hide(in: text)
        return bytes.withUnsafeBufferPointer { parse($0, bytes, file, bounds, hidesColons: bytes.count != text.count) }
    }

    private static func failure(at location: SourceLocation, _ message: String) -> Result {
        Result(node: nil, problems: [Diagnostic(.error, at: location, path: "", message: message)])
    }

    private static func parse(
        _ buffer: UnsafeBufferPointer<UInt8>, _ bytes: [UInt8], _ file: String, _ bounds: Bounds, hidesColons: Bool
    ) -> Result {
        // libyaml keeps the parser's own address, so it must not move.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else {
            return failure(at: SourceLocation(file: file, line: 1, column: 1), "out of memory")
        }
        defer { yaml_parser_delete(parser) }
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, buffer.baseAddress, buffer.count)

        var builder = YAMLTreeBuilder(file: file, bounds: bounds)
        var event = yaml_event_t()
        while true {
            guard yaml_parser_parse(parser, &event) == 1 else {
                let text = hidesColons ? LeadingColons.show(in: bytes) : bytes
                return Result(node: nil, problems: builder.problems + [problem(parser.pointee, text, file)])
            }
            defer { yaml_event_delete(&event) }
            switch feed(event, to: &builder, hidesColons: hidesColons) {
            case .more: continue
            case .done: return Result(node: builder.root, problems: builder.problems)
            case .stopped: return Result(node: nil, problems: builder.problems.map { mended($0, bytes) })
            }
        }
    }

    /// A template's placeholder stops the builder.
    private static func mended(_ problem: Diagnostic, _ bytes: [UInt8]) -> Diagnostic {
        guard problem.message == YAMLTreeBuilder.keyIsNoScalar,
            let found = YAMLMistake.template(at: problem.location, in: SourceText(file: problem.location.file, bytes: bytes))
        else { return problem }
        var problem = problem
        problem.location.column = found.place.column
        problem.message = found.message
        problem.length = found.length
        return problem
    }

    private enum Step { case more, done, stopped }

    private static func feed(_ event: yaml_event_t, to builder: inout YAMLTreeBuilder, hidesColons: Bool) -> Step {
        let span = YAMLTreeBuilder.Span(start: place(event.start_mark), end: place(event.end_mark))
        switch event.type {
        case YAML_STREAM_END_EVENT:
            return .done
        case YAML_DOCUMENT_START_EVENT:
            builder.beginDocument(span)
        case YAML_ALIAS_EVENT:
            builder.alias(text(event.data.alias.anchor) ?? "", span)
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let value = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            builder.scalar(
                YAMLScalar(text: hidesColons ? LeadingColons.show(in: value) : value, style: style(scalar.style)),
                YAMLTreeBuilder.Properties(anchor: text(scalar.anchor), tag: text(scalar.tag)), span)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            builder.begin(.sequence, YAMLTreeBuilder.Properties(anchor: text(start.anchor), tag: text(start.tag)), span)
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            builder.begin(.mapping, YAMLTreeBuilder.Properties(anchor: text(start.anchor), tag: text(start.tag)), span)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            builder.end(span)
        default:
            break
        }
        return builder.isStopped ? .stopped : .more
    }

    private static func style(_ style: yaml_scalar_style_t) -> YAMLScalar.Style {
        switch style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
        case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
        case YAML_LITERAL_SCALAR_STYLE: .literal
        case YAML_FOLDED_SCALAR_STYLE: .folded
        default: .plain
        }
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        pointer.map { String(decoding: UnsafeBufferPointer(start: $0, count: strlen($0)), as: UTF8.self) }
    }

    private static func strlen(_ pointer: UnsafeMutablePointer<yaml_char_t>) -> Int {
        var count = 0
        while pointer[count] != 0 { count += 1 }
        return count
    }

    private static func place(_ mark: yaml_mark_t) -> YAMLTreeBuilder.Place {
        YAMLTreeBuilder.Place(line: Int(clamping: mark.line) + 1, column: Int(clamping: mark.column) + 1)
    }

    private static func problem(_ parser: yaml_parser_t, _ bytes: [UInt8], _ file: String) -> Diagnostic {
        let what = parser.problem.map { String(cString: $0) } ?? "not YAML"
        guard parser.error != YAML_READER_ERROR else {
            let location = SourceText.location(ofByte: Int(clamping: parser.problem_offset), in: bytes, file: file)
            return Diagnostic(.error, at: location, path: "", message: what)
        }
        let mark = place(parser.problem_mark)
        let context = parser.context.map { String(cString: $0) }
        let began = context == nil ? nil : place(parser.context_mark)
        let mistake = YAMLMistake(
            source: SourceText(file: file, bytes: bytes), problem: what, context: context ?? "",
            mark: YAMLScan.Place(line: mark.line, column: mark.column),
            began: began.map { YAMLScan.Place(line: $0.line, column: $0.column) })
        let found = mistake.explain()
        return Diagnostic(
            .error, at: SourceLocation(file: file, line: found.place.line, column: found.place.column), path: "",
            message: found.message, length: found.length)
    }
}
