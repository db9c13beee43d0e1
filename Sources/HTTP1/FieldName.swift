import Basics

/// Header names that somebody here asks for, recognized once while the head is read.
///
/// The first five decide about framing and connection; the parsers look at their values. To add a name: a case here, its
/// text below, and a line at its length and first letter; a test compares the three.
public enum FieldName: UInt8, Sendable, Hashable, CaseIterable {
    case contentLength, transferEncoding, host, connection, expect
    case keepAlive, proxyConnection, te, trailer, upgrade
    case authorization, proxyAuthorization, proxyAuthenticate, wwwAuthenticate, xApiKey, apiKey, xGoogApiKey, cookie, setCookie
    case accept, acceptEncoding, acceptLanguage, contentType, contentEncoding, contentRange, range
    case anthropicVersion, anthropicBeta, openaiOrganization, openaiProject, anthropicOrganizationID, anthropicWorkspaceID
    case date, server, location, origin, referer, userAgent, cacheControl, vary, etag, age, allow
    case requestID, xRequestID, retryAfter, retryAfterMs, xShouldRetry, traceparent, tracestate
    case forwarded, xForwardedFor, xForwardedHost, xForwardedProto, xRealIP, via
    /// Any name that begins with `access-control-`.
    case accessControl
    /// Any name that begins with `x-proxyd-`.
    case proxyd
    case other

    /// The name in lower case; for `.accessControl` and `.proxyd` the beginning, for `.other` nothing.
    public var text: String { Self.texts[Int(rawValue)] }

    /// The names, in the order of the cases.
    private static let texts = [
        "content-length", "transfer-encoding", "host", "connection", "expect",
        "keep-alive", "proxy-connection", "te", "trailer", "upgrade",
        "authorization", "proxy-authorization", "proxy-authenticate", "www-authenticate", "x-api-key", "api-key",
        "x-goog-api-key", "cookie", "set-cookie",
        "accept", "accept-encoding", "accept-language", "content-type", "content-encoding", "content-range", "range",
        "anthropic-version", "anthropic-beta", "openai-organization", "openai-project", "anthropic-organization-id",
        "anthropic-workspace-id",
        "date", "server", "location", "origin", "referer", "user-agent", "cache-control", "vary", "etag", "age", "allow",
        "request-id", "x-request-id", "retry-after", "retry-after-ms", "x-should-retry", "traceparent", "tracestate",
        "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via",
        "access-control-",
        "x-proxyd-",
        "",
    ]

    /// Whether the value says how the message is framed or what becomes of the connection.
    @inlinable @inline(__always)
    public var steersFraming: Bool { rawValue <= FieldName.expect.rawValue }
}

extension FieldName {
    /// Recognizes a name, whatever its case.
    public init(_ name: UnsafeRawBufferPointer) {
        guard let base = name.baseAddress else {
            self = .other
            return
        }
        self.init(token: base, count: name.count)
    }

    /// `token` holds `count` bytes that are all token characters (RFC 9110 §5.6.2); comparing needs no more than setting the
    /// case bit, since no other token character becomes a letter or a hyphen by that.
    @inline(__always)
    init(token name: UnsafeRawPointer, count: Int) {
        guard count > 0 else {
            self = .other
            return
        }
        let first = Unicode.Scalar(name.byte(at: 0) | 0x20)
        let known: FieldName =
            switch count {
            case ...8: Self.short(name, count, first)
            case ...13: Self.middling(name, count, first)
            default: Self.long(name, count, first)
            }
        self = known == .other && count >= 9 ? Self.byPrefix(name, count, first) : known
    }

    // Length and first byte leave two or three names at most; each is then compared as a whole.

    private static func short(_ name: UnsafeRawPointer, _ count: Int, _ first: Unicode.Scalar) -> FieldName {
        switch count {
        case 2:
            return ByteScan.isSpelled(name, "te") ? .te : .other
        case 3:
            switch first {
            case "a": return ByteScan.isSpelled(name, "age") ? .age : .other
            case "v": return ByteScan.isSpelled(name, "via") ? .via : .other
            default: return .other
            }
        case 4:
            switch first {
            case "d": return ByteScan.isSpelled(name, "date") ? .date : .other
            case "e": return ByteScan.isSpelled(name, "etag") ? .etag : .other
            case "h": return ByteScan.isSpelled(name, "host") ? .host : .other
            case "v": return ByteScan.isSpelled(name, "vary") ? .vary : .other
            default: return .other
            }
        case 5:
            switch first {
            case "a": return ByteScan.isSpelled(name, "allow") ? .allow : .other
            case "r": return ByteScan.isSpelled(name, "range") ? .range : .other
            default: return .other
            }
        case 6:
            switch first {
            case "a": return ByteScan.isSpelled(name, "accept") ? .accept : .other
            case "c": return ByteScan.isSpelled(name, "cookie") ? .cookie : .other
            case "e": return ByteScan.isSpelled(name, "expect") ? .expect : .other
            case "o": return ByteScan.isSpelled(name, "origin") ? .origin : .other
            case "s": return ByteScan.isSpelled(name, "server") ? .server : .other
            default: return .other
            }
        case 7:
            switch first {
            case "a": return ByteScan.isSpelled(name, "api-key") ? .apiKey : .other
            case "r": return ByteScan.isSpelled(name, "referer") ? .referer : .other
            case "t": return ByteScan.isSpelled(name, "trailer") ? .trailer : .other
            case "u": return ByteScan.isSpelled(name, "upgrade") ? .upgrade : .other
            default: return .other
            }
        case 8:
            return ByteScan.isSpelled(name, "location") ? .location : .other
        default: return .other
        }
    }

    private static func middling(_ name: UnsafeRawPointer, _ count: Int, _ first: Unicode.Scalar) -> FieldName {
        switch count {
        case 9:
            switch first {
            case "f": return ByteScan.isSpelled(name, "forwarded") ? .forwarded : .other
            case "x":
                return ByteScan.isSpelled(name, "x-api-key")
                    ? .xApiKey : ByteScan.isSpelled(name, "x-real-ip") ? .xRealIP : .other
            default: return .other
            }
        case 10:
            switch first {
            case "c": return ByteScan.isSpelled(name, "connection") ? .connection : .other
            case "k": return ByteScan.isSpelled(name, "keep-alive") ? .keepAlive : .other
            case "r": return ByteScan.isSpelled(name, "request-id") ? .requestID : .other
            case "s": return ByteScan.isSpelled(name, "set-cookie") ? .setCookie : .other
            case "t": return ByteScan.isSpelled(name, "tracestate") ? .tracestate : .other
            case "u": return ByteScan.isSpelled(name, "user-agent") ? .userAgent : .other
            default: return .other
            }
        case 11:
            switch first {
            case "r": return ByteScan.isSpelled(name, "retry-after") ? .retryAfter : .other
            case "t": return ByteScan.isSpelled(name, "traceparent") ? .traceparent : .other
            default: return .other
            }
        case 12:
            switch first {
            case "c": return ByteScan.isSpelled(name, "content-type") ? .contentType : .other
            case "x": return ByteScan.isSpelled(name, "x-request-id") ? .xRequestID : .other
            default: return .other
            }
        case 13:
            switch first {
            case "a": return ByteScan.isSpelled(name, "authorization") ? .authorization : .other
            case "c":
                return ByteScan.isSpelled(name, "content-range")
                    ? .contentRange : ByteScan.isSpelled(name, "cache-control") ? .cacheControl : .other
            default: return .other
            }
        default: return .other
        }
    }

    private static func long(_ name: UnsafeRawPointer, _ count: Int, _ first: Unicode.Scalar) -> FieldName {
        switch count {
        case 14:
            switch first {
            case "a": return ByteScan.isSpelled(name, "anthropic-beta") ? .anthropicBeta : .other
            case "c": return ByteScan.isSpelled(name, "content-length") ? .contentLength : .other
            case "o": return ByteScan.isSpelled(name, "openai-project") ? .openaiProject : .other
            case "r": return ByteScan.isSpelled(name, "retry-after-ms") ? .retryAfterMs : .other
            case "x":
                return ByteScan.isSpelled(name, "x-goog-api-key")
                    ? .xGoogApiKey : ByteScan.isSpelled(name, "x-should-retry") ? .xShouldRetry : .other
            default: return .other
            }
        case 15:
            switch first {
            case "a":
                return ByteScan.isSpelled(name, "accept-encoding")
                    ? .acceptEncoding : ByteScan.isSpelled(name, "accept-language") ? .acceptLanguage : .other
            case "x": return ByteScan.isSpelled(name, "x-forwarded-for") ? .xForwardedFor : .other
            default: return .other
            }
        case 16:
            switch first {
            case "c": return ByteScan.isSpelled(name, "content-encoding") ? .contentEncoding : .other
            case "p": return ByteScan.isSpelled(name, "proxy-connection") ? .proxyConnection : .other
            case "w": return ByteScan.isSpelled(name, "www-authenticate") ? .wwwAuthenticate : .other
            case "x": return ByteScan.isSpelled(name, "x-forwarded-host") ? .xForwardedHost : .other
            default: return .other
            }
        case 17:
            switch first {
            case "a": return ByteScan.isSpelled(name, "anthropic-version") ? .anthropicVersion : .other
            case "t": return ByteScan.isSpelled(name, "transfer-encoding") ? .transferEncoding : .other
            case "x": return ByteScan.isSpelled(name, "x-forwarded-proto") ? .xForwardedProto : .other
            default: return .other
            }
        case 18:
            return ByteScan.isSpelled(name, "proxy-authenticate") ? .proxyAuthenticate : .other
        case 19:
            switch first {
            case "o": return ByteScan.isSpelled(name, "openai-organization") ? .openaiOrganization : .other
            case "p": return ByteScan.isSpelled(name, "proxy-authorization") ? .proxyAuthorization : .other
            default: return .other
            }
        case 22:
            return ByteScan.isSpelled(name, "anthropic-workspace-id") ? .anthropicWorkspaceID : .other
        case 25:
            return ByteScan.isSpelled(name, "anthropic-organization-id") ? .anthropicOrganizationID : .other
        default: return .other
        }
    }

    /// Names of which the beginning alone counts; at least nine bytes are there.
    private static func byPrefix(_ name: UnsafeRawPointer, _ count: Int, _ first: Unicode.Scalar) -> FieldName {
        if first == "x", ByteScan.isSpelled(name, "x-proxyd-") { return .proxyd }
        if first == "a", count >= 15, ByteScan.isSpelled(name, "access-control-") { return .accessControl }
        return .other
    }
}
