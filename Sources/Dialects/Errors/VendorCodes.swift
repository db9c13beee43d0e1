import Basics

/// Numbers by which a vendor names its errors, where the words beside them may be in any language.
///
/// Z.ai and bigmodel.cn: https://docs.bigmodel.cn/cn/api/api-code, as of November 2026.
enum VendorCodes {
    /// What a code says; nil for one that says nothing, as most codes of most vendors do here.
    /// - Parameter status: others number their errors alike: what is told as a rate is one.
    static func meaning(_ code: String?, status: Int) -> (errorClass: ErrorClass, subject: RefusalSubject?)? {
        switch code ?? "" {
        case "1300" where status == 429, "1301" where status == 429: nil
        case "1113", "1309": (.billing, .money)
        case "1110", "1111", "1112", "1121": (.authentication, .credential)
        case "1211": (.notFound, nil)
        case "1261": (.contextTooLong, nil)
        case "1300", "1301": (.contentPolicy, .content)
        case "1302", "1303", "1304", "1305", "1308", "1310", "1312", "1313": (.rateLimit, nil)
        case "1311": (.permission, .model)
        default: nil
        }
    }

    /// When a plan's window begins anew, in seconds since 1970: Z.ai's words tell it by the clock of Beijing, without a zone.
    static func reset(_ code: String?, in message: String) -> Int? {
        guard code == "1308" || code == "1310" else { return nil }
        let words = Array(message.utf8)
        for start in words.indices.dropLast(stampLength - 1) where words[start + 4] == 0x2D && words[start + 10] == 0x20 {
            let stamp = String(decoding: words[start..<start + stampLength], as: UTF8.self)
            if let instant = RFC3339.parse(stamp + "+08:00", .lenient) { return instant.seconds }
        }
        return nil
    }

    /// Characters of `2026-11-29 02:00:00`.
    private static let stampLength = 19
}
