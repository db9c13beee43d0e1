import Basics
import Foundation
import Glibc

extension Schema {
    enum LogKeys {
        static let level = Key(
            "level", Kind<Configuration.Log.Level>.word("log level"), .value("info"),
            "Least severity that is logged. `debug` tells what was decided for each request, `trace` also sizes and times of what "
                + "came and went.")
        static let format = Key(
            "format", Kind<Configuration.Log.Format>.choice("log format"), .value("text"), "For people or for machines.")
        static let requests = Key("requests", .boolean, .value("true"), "One line per request, with its outcome.")
        static let admin = Key(
            "admin", .boolean, .value("true"),
            "Whether probes, scrapes and calls of the admin API have lines too, marked `event=admin`.")
        static let file = Key(
            "file", .ownLogFile, .none("standard output"),
            "The file that lines are appended to (made with mode 0640), relative to where proxyd runs. SIGUSR1 opens it anew.")
        static let rotate = Key(
            "rotate", RotateKeys.kind, .value("100MiB"),
            "When the file becomes FILE.1, that one FILE.2, and so on: a size, or a mapping. Only of `file`.")
        static let keep = Key("keep", .integer(1...1_000), .value("14"), "So many rotated files are kept.")
        static let decisions = Key(
            "decisions", .logFile, .none("not recorded"),
            "The file that takes a JSON line for each request: all that rules and tiers read of it, and what was decided; no prompt, no "
                + "key. `proxyd replay` reads it. Made with mode 0600; SIGUSR1 opens it anew.")

        static let kind: Kind<Configuration.Log> = .mapping(
            Mapping(level, format, requests, admin, file, rotate, keep, decisions)
        ) { section in
            var log = Configuration.Log()
            log.level = section[level, or: log.level]
            log.format = section[format, or: log.format]
            log.requests = section[requests, or: log.requests]
            log.admin = section[admin, or: log.admin]
            log.file = section[file]
            log.decisions = section[decisions]
            log.rotation = section[rotate, or: log.rotation]
            log.rotation.keep = section[keep, or: log.rotation.keep]
            for key in [rotate, keep] as [any AnyKey] where !section.has(file) {
                if let place = section.place(key) { section.context.warning(place, "changes nothing without log.file") }
            }
            return log
        }
    }

    enum RotateKeys {
        private static let sizes = 1_024...(1 << 40)
        static let size = Key(
            "size", .size(sizes), .none("however large it is"), "Bytes that the file has at most, in whole lines.")
        static let every = Key(
            "every", .duration(.seconds(1)...(.seconds(366 * 86_400))), .none("however old it is"),
            "How long after it was begun a file gives way to the next, when there is a line to write.")

        static let kind: Kind<LogRotation> = .either(
            Kind<Int>.size(sizes, else: "; a time is written {every: 24h}").map { bytes, _, _, _ in LogRotation(bytes: bytes) },
            .mapping(Mapping(size, every).demanding(.any([["size"], ["every"]]))) { section in
                let rotation = LogRotation(bytes: section[size], age: section[every])
                if !section.has(size), !section.has(every) {
                    section.context.error(
                        at: section.location, section.path, "says neither 'size' nor 'every'; write 100MiB, or {every: 24h}")
                }
                return rotation
            }, spelledOut: { [(size.name, $0)] })
    }
}

extension Schema.Kind where Value == Configuration.Log.Level {
    /// One of the levels, in any case of letters.
    static func word(_ noun: String) -> Self {
        let words = Value.allCases.map(\.rawValue)
        let pattern = words.map { word in word.map { "[\($0.uppercased())\($0)]" }.joined() }.joined(separator: "|")
        return scalar(
            Schema.Scalar(noun: noun, pattern: pattern, choices: words, shown: { .string($0.lowercased()) })
        ) { text throws(Schema.Problem) in
            if let value = Value(rawValue: text.value.lowercased()) { return value }
            // `warn` and `crit` are other programs' words.
            let word = text.value.lowercased()
            let whole = word.utf8.count > 2 ? words.first { $0.hasPrefix(word) } : nil
            let hint = (whole ?? Suggestion.nearest(to: word, among: words)).map { "; did you mean '\($0)'?" } ?? ""
            throw Schema.Problem("\(text.shown) is not \(Article.with(noun)) (\(words.joined(separator: ", "))\(hint))")
        }
    }
}

extension Schema.Kind where Value == String {
    /// A file that can be appended to, or made, by whoever reads the configuration.
    static var logFile: Self { written { LogFile.obstacle(to: $0) } }

    /// The same, of proxyd's own lines: they go to standard output where no file is named.
    static var ownLogFile: Self {
        written { path in
            LogFile.obstacle(to: path).map { path.hasPrefix("/dev/") ? "\($0); without 'file' lines go to standard output" : $0 }
        }.map { value, node, path, context in
            if ["stdout", "stderr", "-"].contains(value) {
                context.warning(at: node, path, "is a file of that name; without 'file' lines go to standard output")
            }
            return value
        }
    }

    /// The same, or a pipe or device that is there.
    static var lineFile: Self { written { LogFile.obstacle(to: $0, isFileAlone: false) } }

    /// A file that is made with the folders on the way to it.
    static var madeFile: Self { written { LogFile.obstacle(toMaking: $0) } }

    /// - Parameter obstacle: why it cannot be written; nil where it can.
    private static func written(_ obstacle: @escaping @Sendable (String) -> String?) -> Self {
        barePath("a file").map { value, node, path, context in
            let problem: String?
            if context.files.paths.contains(where: { LogFile.isSame($0, value) }) {
                problem = "it is a file of the configuration itself"
            } else if let other = context.take(written: value, for: path) {
                problem = "it is that of \(other) already"
            } else {
                problem = obstacle(value)
            }
            guard let problem else {
                if let note = Schema.homeNote(on: value) { context.warning(at: node, path, note) }
                return value
            }
            let name = context.holdsReference(node) ? "the file" : LoadContext.quoted(value)
            context.error(at: node, path, "\(name) cannot be written: \(Schema.withHomeNote(problem, on: value))")
            return nil
        }
    }
}
