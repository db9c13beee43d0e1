/// Text for a header line: what could end the line, or is not ASCII, is percent-encoded.
public enum HeaderText {
    public static func encode(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text }
        var encoded = ""
        for byte in text.utf8 {
            if byte >= 0x20 && byte < 0x7f {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
