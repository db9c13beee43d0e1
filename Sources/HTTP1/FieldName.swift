/// Header names that somebody here asks for, recognized once while the head is read.
///
/// The first five decide about framing and connection; the parsers look at their values. To add a name: a case here, its
/// text below, and a line in `init` at its length; a test compares the three.
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
    public var text: String {
        switch self {
        case .contentLength: "content-length"
        case .transferEncoding: "transfer-encoding"
        case .host: "host"
        case .connection: "connection"
        case .expect: "expect"
        case .keepAlive: "keep-alive"
        case .proxyConnection: "proxy-connection"
        case .te: "te"
        case .trailer: "trailer"
        case .upgrade: "upgrade"
        case .authorization: "authorization"
        case .proxyAuthorization: "proxy-authorization"
        case .proxyAuthenticate: "proxy-authenticate"
        case .wwwAuthenticate: "www-authenticate"
        case .xApiKey: "x-api-key"
        case .apiKey: "api-key"
        case .xGoogApiKey: "x-goog-api-key"
        case .cookie: "cookie"
        case .setCookie: "set-cookie"
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .acceptLanguage: "accept-language"
        case .contentType: "content-type"
        case .contentEncoding: "content-encoding"
        case .contentRange: "content-range"
        case .range: "range"
        case .anthropicVersion: "anthropic-version"
        case .anthropicBeta: "anthropic-beta"
        case .openaiOrganization: "openai-organization"
        case .openaiProject: "openai-project"
        case .anthropicOrganizationID: "anthropic-organization-id"
        case .anthropicWorkspaceID: "anthropic-workspace-id"
        case .date: "date"
        case .server: "server"
        case .location: "location"
        case .origin: "origin"
        case .referer: "referer"
        case .userAgent: "user-agent"
        case .cacheControl: "cache-control"
        case .vary: "vary"
        case .etag: "etag"
        case .age: "age"
        case .allow: "allow"
        case .requestID: "request-id"
        case .xRequestID: "x-request-id"
        case .retryAfter: "retry-after"
        case .retryAfterMs: "retry-after-ms"
        case .xShouldRetry: "x-should-retry"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .forwarded: "forwarded"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        case .xRealIP: "x-real-ip"
        case .via: "via"
        case .accessControl: "access-control-"
        case .proxyd: "x-proxyd-"
        case .other: ""
        }
    }

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
    public init(token name: UnsafeRawPointer, count: Int) {
        self = .other
        switch count {
        case 2:
            if ByteScan.isSpelled(name, "te") { self = .te }
        case 3:
            if ByteScan.isSpelled(name, "via") { self = .via } else if ByteScan.isSpelled(name, "age") { self = .age }
        case 4:
            if ByteScan.isSpelled(name, "host") {
                self = .host
            } else if ByteScan.isSpelled(name, "date") {
                self = .date
            } else if ByteScan.isSpelled(name, "vary") {
                self = .vary
            } else if ByteScan.isSpelled(name, "etag") {
                self = .etag
            }
        case 5:
            if ByteScan.isSpelled(name, "range") { self = .range } else if ByteScan.isSpelled(name, "allow") { self = .allow }
        case 6:
            if ByteScan.isSpelled(name, "accept") {
                self = .accept
            } else if ByteScan.isSpelled(name, "server") {
                self = .server
            } else if ByteScan.isSpelled(name, "cookie") {
                self = .cookie
            } else if ByteScan.isSpelled(name, "expect") {
                self = .expect
            } else if ByteScan.isSpelled(name, "origin") {
                self = .origin
            }
        case 7:
            if ByteScan.isSpelled(name, "api-key") {
                self = .apiKey
            } else if ByteScan.isSpelled(name, "trailer") {
                self = .trailer
            } else if ByteScan.isSpelled(name, "upgrade") {
                self = .upgrade
            } else if ByteScan.isSpelled(name, "referer") {
                self = .referer
            }
        case 8:
            if ByteScan.isSpelled(name, "location") { self = .location }
        case 9:
            if ByteScan.isSpelled(name, "x-api-key") {
                self = .xApiKey
            } else if ByteScan.isSpelled(name, "forwarded") {
                self = .forwarded
            } else if ByteScan.isSpelled(name, "x-real-ip") {
                self = .xRealIP
            } else if ByteScan.isSpelled(name, "x-proxyd-") {
                self = .proxyd
            }
        case 10:
            if ByteScan.isSpelled(name, "connection") {
                self = .connection
            } else if ByteScan.isSpelled(name, "user-agent") {
                self = .userAgent
            } else if ByteScan.isSpelled(name, "keep-alive") {
                self = .keepAlive
            } else if ByteScan.isSpelled(name, "request-id") {
                self = .requestID
            } else if ByteScan.isSpelled(name, "set-cookie") {
                self = .setCookie
            } else if ByteScan.isSpelled(name, "tracestate") {
                self = .tracestate
            } else if ByteScan.isSpelled(name, "x-proxyd-") {
                self = .proxyd
            }
        default:
            self.init(longToken: name, count: count)
        }
    }

    /// Names of eleven bytes and more.
    @inline(__always)
    private init(longToken name: UnsafeRawPointer, count: Int) {
        self = .other
        switch count {
        case 11:
            if ByteScan.isSpelled(name, "retry-after") {
                self = .retryAfter
            } else if ByteScan.isSpelled(name, "traceparent") {
                self = .traceparent
            }
        case 12:
            if ByteScan.isSpelled(name, "content-type") {
                self = .contentType
            } else if ByteScan.isSpelled(name, "x-request-id") {
                self = .xRequestID
            }
        case 13:
            if ByteScan.isSpelled(name, "authorization") {
                self = .authorization
            } else if ByteScan.isSpelled(name, "cache-control") {
                self = .cacheControl
            } else if ByteScan.isSpelled(name, "content-range") {
                self = .contentRange
            }
        case 14:
            if ByteScan.isSpelled(name, "content-length") {
                self = .contentLength
            } else if ByteScan.isSpelled(name, "anthropic-beta") {
                self = .anthropicBeta
            } else if ByteScan.isSpelled(name, "x-goog-api-key") {
                self = .xGoogApiKey
            } else if ByteScan.isSpelled(name, "x-should-retry") {
                self = .xShouldRetry
            } else if ByteScan.isSpelled(name, "retry-after-ms") {
                self = .retryAfterMs
            } else if ByteScan.isSpelled(name, "openai-project") {
                self = .openaiProject
            }
        case 15:
            if ByteScan.isSpelled(name, "accept-encoding") {
                self = .acceptEncoding
            } else if ByteScan.isSpelled(name, "accept-language") {
                self = .acceptLanguage
            } else if ByteScan.isSpelled(name, "x-forwarded-for") {
                self = .xForwardedFor
            }
        case 16:
            if ByteScan.isSpelled(name, "content-encoding") {
                self = .contentEncoding
            } else if ByteScan.isSpelled(name, "proxy-connection") {
                self = .proxyConnection
            } else if ByteScan.isSpelled(name, "x-forwarded-host") {
                self = .xForwardedHost
            } else if ByteScan.isSpelled(name, "www-authenticate") {
                self = .wwwAuthenticate
            }
        case 17:
            if ByteScan.isSpelled(name, "transfer-encoding") {
                self = .transferEncoding
            } else if ByteScan.isSpelled(name, "anthropic-version") {
                self = .anthropicVersion
            } else if ByteScan.isSpelled(name, "x-forwarded-proto") {
                self = .xForwardedProto
            }
        case 18:
            if ByteScan.isSpelled(name, "proxy-authenticate") { self = .proxyAuthenticate }
        case 19:
            if ByteScan.isSpelled(name, "proxy-authorization") {
                self = .proxyAuthorization
            } else if ByteScan.isSpelled(name, "openai-organization") {
                self = .openaiOrganization
            }
        case 22:
            if ByteScan.isSpelled(name, "anthropic-workspace-id") { self = .anthropicWorkspaceID }
        case 25:
            if ByteScan.isSpelled(name, "anthropic-organization-id") { self = .anthropicOrganizationID }
        default: break
        }
        guard self == .other else { return }
        if ByteScan.isSpelled(name, "x-proxyd-") {
            self = .proxyd
        } else if count >= 15, ByteScan.isSpelled(name, "access-control-") {
            self = .accessControl
        }
    }
}
