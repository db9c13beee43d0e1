/// One line (or, of a histogram, one group of lines) of the exposition.
enum MetricSeries: Sendable {
    case counter(MetricCounter)
    case gauge(MetricGauge)
    case histogram(MetricHistogram)

    /// Where a series is: the metric's name, and the labels as they are written between the braces.
    struct ID: Sendable, Hashable {
        var name: String
        var labels: String
    }

    init(_ id: ID, kind: Metric.Kind) {
        switch kind {
        case .counter: self = .counter(MetricCounter(id))
        case .sum: self = .gauge(MetricGauge(id, onlyRises: true))
        case .gauge: self = .gauge(MetricGauge(id, onlyRises: false))
        case .histogram(let bounds): self = .histogram(MetricHistogram(id, bounds: bounds))
        }
    }

    func render(_ name: String, _ labels: String, into text: inout String) {
        switch self {
        case .counter(let counter): Self.line(name, labels, String(counter.value), &text)
        case .gauge(let gauge): Self.line(name, labels, Self.number(gauge.value), &text)
        case .histogram(let histogram):
            let (cumulative, sum) = histogram.reading()
            for (index, count) in cumulative.enumerated() {
                let bound = index < histogram.bounds.count ? Self.number(histogram.bounds[index]) : "+Inf"
                let separator = labels.isEmpty ? "" : ","
                Self.line(name + "_bucket", labels + separator + "le=\"" + bound + "\"", String(count), &text)
            }
            Self.line(name + "_sum", labels, Self.number(sum), &text)
            Self.line(name + "_count", labels, String(cumulative.last ?? 0), &text)
        }
    }

    private static func line(_ name: String, _ labels: String, _ value: String, _ text: inout String) {
        text += name
        if !labels.isEmpty {
            text += "{"
            text += labels
            text += "}"
        }
        text += " "
        text += value
        text += "\n"
    }

    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return Int(exactly: value).map(String.init) ?? value.description
    }

    // MARK: Labels

    /// Bytes of a label's value; what is longer is cut.
    private static let valueLimit = 128

    /// `name="value",…` with Prometheus' escapes; a control character becomes a space.
    static func labels(_ pairs: some Sequence<(String, String)>) -> String {
        var text = ""
        for (name, value) in pairs {
            if !text.isEmpty { text += "," }
            text += "\(sanitized(name))=\""
            for scalar in prefix(value) {
                switch scalar {
                case "\\": text += "\\\\"
                case "\"": text += "\\\""
                case "\n": text += "\\n"
                case "\u{0}"..."\u{1F}", "\u{7F}": text += " "
                default: text.unicodeScalars.append(scalar)
                }
            }
            text += "\""
        }
        return text
    }

    private static func prefix(_ value: String) -> Substring.UnicodeScalarView {
        var size = 0
        return Substring(value).unicodeScalars.prefix { scalar in
            size += UTF8.width(scalar)
            return size <= valueLimit
        }
    }

    /// A name with letters, digits and underscores only.
    static func sanitized(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars {
            let isDigit = ("0"..."9").contains(scalar)
            if isDigit, text.isEmpty { text += "_" }
            let isLegal = isDigit || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar) || scalar == "_"
            text.unicodeScalars.append(isLegal ? scalar : "_")
        }
        return text.isEmpty ? "_" : text
    }
}
