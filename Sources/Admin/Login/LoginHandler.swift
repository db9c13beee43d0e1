import Crypto
import Dialects
import Foundation
import Logging
import ProxyCore

/// What logins share: it lives as long as the process.
struct LoginMemory: Sendable {
    let sessions = LoginSessions()
    let states = LoginStates()
    let issuers = OIDCIssuers()
    /// Log lines of logins that came to nothing, which strangers could cause without end.
    let lines = LinesPerMinute()
}

/// `/admin/login`, `/admin/logout` and `/admin/oidc/…`: a browser's session in the place of a key that it would have to keep.
struct LoginHandler {
    let memory: LoginMemory
    let gate: AdminGate
    let audit: any AuditTrail
    let caller: any OutgoingCaller
    let logger: Logger
    let now: Date
    /// Seconds of a clock that never goes back.
    let steady: Int

    private var admin: Configuration.Admin? { gate.configuration.admin }

    /// The ways in which one may log in.
    func ways() -> JSONValue {
        var ways: [JSONValue] = []
        if admin?.keys.isEmpty == false { ways.append(["kind": "key"]) }
        if admin?.oidc != nil { ways.append(["kind": "oidc", "begin": "/admin/oidc/login"]) }
        if admin?.lark != nil { ways.append(["kind": "lark", "begin": "/admin/lark/login"]) }
        return ["ways": .array(ways)]
    }

    /// An admin key, as every call shows it or as `{"key"}` in the body, becomes a session.
    func login(_ request: LocalRequest) async throws -> LocalResponse {
        try refuseOthers(request)
        var shown = AdminGate.shownKeys(request)
        if shown.isEmpty, let key = try bodyKey(request) { shown = [key] }
        guard !shown.isEmpty else {
            throw AdminFailure(.unauthorized, "show the admin key as x-admin-key, or as {\"key\":…} in the body")
        }
        let key = try gate.owner(of: shown, request, .page)
        let session = begin(request, name: key.name, role: key.role, means: .key(key))
        await note("session.begin", request, who: key.name, target: "key", detail: key.role.rawValue)
        let until = Int(clamping: now) + LoginSessions.lifetimeSeconds
        let body: JSONValue = [
            "name": .string(key.name), "role": .string(key.role.rawValue),
            "until": .string(ZonedTime(zone: gate.configuration.timeZone).iso(seconds: until)),
        ]
        return .json(body, headers: [session])
    }

    /// Ends the session of this browser, whether there is one or not.
    func logout(_ request: LocalRequest) async throws -> LocalResponse {
        try refuseOthers(request)
        if let id = request.cookie(Cookies.session), let session = memory.sessions.end(id) {
            await note("session.end", request, who: session.name, target: nil, detail: session.role.rawValue)
        }
        return .json([:], headers: [LoginCookie.clear(Cookies.session, isSecure: request.isSecure)])
    }

    /// Sends the browser to the issuer.
    func beginOIDC(_ request: LocalRequest) async throws -> LocalResponse {
        let handler = try oidc()
        return await page(request) { try await handler.begin(request) }
    }

    /// The browser is back from the issuer.
    func finishOIDC(_ request: LocalRequest) async throws -> LocalResponse {
        let handler = try oidc()
        let provider = handler.provider
        return await page(request) {
            try gate.checkPause(request)
            let person = try await handler.finish(request)
            return await enter(request, person, person.role(by: provider.roles), means: .oidc(provider))
        }
    }

    /// Sends the browser to Lark.
    func beginLark(_ request: LocalRequest) async throws -> LocalResponse {
        let handler = try lark()
        return await page(request) { try handler.begin(request) }
    }

    /// The browser is back from Lark.
    func finishLark(_ request: LocalRequest) async throws -> LocalResponse {
        let handler = try lark()
        let login = handler.login
        return await page(request) {
            try gate.checkPause(request)
            let person = try await handler.finish(request)
            return await enter(request, person, person.role(by: login.roles), means: .lark(login))
        }
    }

    // MARK: What they share

    /// Lets a person in, or says that he has no role.
    private func enter(
        _ request: LocalRequest, _ person: Person, _ given: (role: AdminRole?, reason: String?), means: LoginSessions.Means
    ) async -> LocalResponse {
        let over = LoginCookie.clear(LoginCookie.login, isSecure: request.isSecure)
        gate.brake.right(from: request.clientAddress)
        guard let role = given.role else {
            if memory.lines.isNoted(of: person.name, now: steady) {
                logger.warning(
                    "login without a role",
                    metadata: [
                        LogKeys.who: "\(person.name)", LogKeys.subject: "\(person.subject)",
                        LogKeys.address: "\(request.clientAddress)",
                        LogKeys.reason: "\(given.reason ?? "the expression gives none")",
                    ])
                await note(
                    "session.begin", request, who: person.name, target: person.subject, detail: nil,
                    result: AdminFailure.Kind.forbidden.rawValue)
            }
            var response = LoginPage.noRole(person)
            response.headers.append(over)
            return response
        }
        let session = begin(request, name: person.name, role: role, means: means)
        await note("session.begin", request, who: person.name, target: person.subject, detail: role.rawValue)
        return LocalResponse(status: 302, headers: [("location", "/admin/"), session, over] + LoginPage.headers)
    }

    /// A new session, in the place of one that the browser may have. Gives its cookie.
    private func begin(
        _ request: LocalRequest, name: String, role: AdminRole, means: LoginSessions.Means
    ) -> (name: String, value: String) {
        if let old = request.cookie(Cookies.session) { _ = memory.sessions.end(old) }
        let id = memory.sessions.begin(name: name, role: role, means: means, now: steady)
        logger.notice(
            "login",
            metadata: [LogKeys.who: "\(name)", LogKeys.role: "\(role.rawValue)", LogKeys.address: "\(request.clientAddress)"])
        return LoginCookie.set(
            Cookies.session, id, seconds: LoginSessions.lifetimeSeconds, .strict, isSecure: request.isSecure)
    }

    private func oidc() throws(AdminFailure) -> OIDCHandler {
        guard let provider = admin?.oidc else { throw AdminFailure.nothingHere }
        return OIDCHandler(
            provider: provider, issuer: memory.issuers.issuer(provider, caller: caller), states: memory.states, caller: caller,
            now: now, steady: steady)
    }

    private func lark() throws(AdminFailure) -> LarkLoginHandler {
        guard let login = admin?.lark else { throw AdminFailure.nothingHere }
        return LarkLoginHandler(login: login, states: memory.states, caller: caller, now: now)
    }

    /// What fails is told to a person, on a page.
    private func page(_ request: LocalRequest, _ work: () async throws -> LocalResponse) async -> LocalResponse {
        do {
            return try await work()
        } catch let failure as AdminFailure {
            var response = LoginPage.failure(failure.kind.status, failure.message)
            response.headers += failure.headers
            return response
        } catch {
            let failure = error as? LoginFailure ?? LoginFailure(500, "Something went wrong here; the log says what.")
            if failure.isGuess { gate.guessed([request.query], request) }
            if memory.lines.isNoted(of: failure.status < 500 ? "" : "5xx", now: steady) {
                logger.warning(
                    "login failed",
                    metadata: [
                        LogKeys.reason: "\(error is LoginFailure ? failure.explanation : "\(error)")",
                        LogKeys.address: "\(request.clientAddress)", LogKeys.request: "\(request.requestID)",
                    ])
            }
            return LoginPage.failure(failure.status, failure.explanation, vendor: failure.vendorText)
        }
    }

    private func refuseOthers(_ request: LocalRequest) throws(AdminFailure) {
        guard !request.isOfOtherOrigin else { throw AdminFailure(.forbidden, "a page of another origin asks") }
    }

    private func bodyKey(_ request: LocalRequest) throws(AdminFailure) -> String? {
        guard !request.body.isEmpty else { return nil }
        let body = try AdminBody.object(request.body)
        guard let key = body["key"]?.string, body.count == 1, !key.isEmpty else {
            throw AdminFailure(.badRequest, "the body of a login is {\"key\": …}")
        }
        return key
    }

    private func note(
        _ action: String, _ request: LocalRequest, who: String, target: String?, detail: String?, result: String = "ok"
    ) async {
        do {
            try await audit.record(
                AuditEntry(
                    time: Int(clamping: now), who: who, address: request.clientAddress, action: action, target: target,
                    detail: detail, result: result))
        } catch {
            logger.error(
                "the audit log cannot be written",
                metadata: [
                    LogKeys.who: "\(who)", LogKeys.action: "\(action)", LogKeys.result: "\(result)", LogKeys.error: "\(error)",
                ])
        }
    }
}
