extension Schema {
    /// What literals look like (ECMA 262), for the JSON Schema; the checker decides by its own code.
    enum Pattern {
        /// No control character.
        static let line = "[^\\u0000-\\u001F\\u007F-\\u009F]+"
        static let anything = "[\\s\\S]+"
        /// What a header can carry of a credential.
        static let header = "[^\\u0000-\\u0020\\u007F-\\u009F]+"
        static let headerValue = "[^\\u0000-\\u0008\\u000A-\\u001F\\u007F]*"
        static let path = "(?![\\s\\S]*://)[\\s\\S]+"
        static let pathGlob = "/[\\s\\S]{0,1023}"
        static let name = "[A-Za-z0-9._-]+"
        /// A character of a header's name: what `ByteScan.isToken` takes.
        private static let token = "[A-Za-z0-9!#$%&'*+.^_`|~-]"
        static let fieldName = token + "{1,96}"
        /// What proxyd does not write itself.
        static let credentialField = fieldName(but: UpstreamKeys.keptFields, "{1,96}")
        static let headerName = fieldName(but: UpstreamKeys.ownFields, "+")
        static let collectorHeader = fieldName(but: TelemetryKeys.ownFields, "+")

        /// A header's name that is none of these, which are in small letters.
        private static func fieldName(but kept: [String], _ count: String) -> String {
            let words = kept.map { word in word.map { $0 == "-" ? "-" : "[\($0.uppercased())\($0)]" }.joined() }
            return "(?!(\(words.joined(separator: "|")))$)\(token)\(count)"
        }

        static let fieldPath = "(?=\\s*[^.\\s])\\s*[^.]+(\\.[^.]+){0,7}\\s*"
        static let tier = "[^/\\u0000-\\u001F\\u007F-\\u009F]+(/[^\\u0000-\\u001F\\u007F-\\u009F]+)?"

        static let duration = "[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)"
        static let size = "[0-9]+(\\.0+)?B?|[0-9]+(\\.[0-9]+)?(KB|MB|GB|KiB|MiB|GiB)"
        static let count = "[0-9]+(\\.0+)?|[0-9]+(\\.[0-9]+)?[kMG]"
        static let money = "[0-9]+(\\.[0-9]{1,9}0*)? ?USD"
        /// Money that is more than nothing.
        static let fortune = "(0*[1-9][0-9]*(\\.[0-9]{1,9}0*)?|0+\\.(\(fraction))0*) ?USD"
        /// Nine digits at most, one of which is not 0.
        private static let fraction = (0...8).map { "0{\($0)}[1-9][0-9]{0,\(8 - $0)}" }.joined(separator: "|")
        static let price = "0*(1000000(\\.0+)?|[0-9]{1,6}(\\.[0-9]{1,9}0*)?)"
        static let share = "0*(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%|0+(\\.[0-9]+)?|0*1(\\.0+)?"
        static let boolean = "true|True|TRUE|false|False|FALSE"

        private static let octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
        private static let v4 = "\(octet)(\\.\(octet)){3}"
        private static let v6 = "[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"
        private static let port = "0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})"
        private static let authority = "([A-Za-z0-9._-]+|\\[\(v6)\\])(:\(port))?"
        private static let visible = "[!-\"$->@-~]*"

        static let addressRange = "\(v4)(/0*([12]?[0-9]|3[0-2]))?|\(v6)(/0*(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?"
        static let listener = "(localhost|\\*|\(v4)|\\[\(v6)\\])?:(0+|\(port))|unix:(//)?/(?!/)[^\\u0000]*[^/\\u0000]"
        static let web = "https?://\(authority)([/?][!-\"$-~]*)?"
        static let url = "https?://\(authority)(/\(visible))?|unix:(//)?/[^:/][^:]*(:(/\(visible))?)?"
        static let issuer =
            "https://\(authority)(/\(visible))?|http://([Ll][Oo][Cc][Aa][Ll][Hh][Oo][Ss][Tt]|127(\\.\(octet)){3}|\\[\(v6)\\])"
            + "(:\(port))?(/\(visible))?"
        static let pathOrURL = "/[!-\"$-~]*|\(web)"
        static let proxy = "[Hh][Tt][Tt][Pp]://([^@]*@)?\(authority)/*"
        static let origin = "\\*|true|false|null|[\\s\\S]+?://[!\"$-)+.0->A-~-]+"
    }
}
