import Testing

@testable import Dialects

/// What refusals are about, in the words that vendors were seen to use.
@Suite("Refusals")
struct RefusalWordsTests {
    private static func subject(_ status: Int, _ body: String) -> RefusalSubject? {
        withBytes(body) { UpstreamError.read(status: status, body: $0).subject }
    }

    private static func error(_ message: String, _ more: String = "") -> String {
        #"{"error":{"message":"\#(message)","type":"invalid_request_error"\#(more)}}"#
    }

    @Test(
        "a model that the account may not use",
        arguments: [
            (403, error("Project `proj_x` does not have access to model `gpt-5-pro`", #","code":"model_not_found""#)),
            (403, error("You don't have access to the model with the specified model ID.")),
            (403, error("The model `llama` is blocked at the organization level.", #","code":"model_permission_blocked_org""#)),
            (403, error("User u is not authorized to access model x or model does not exist")),
            (403, error("Your organization must be verified to use the model `gpt-5`.")),
            (403, error("You do not have permission to access tuned model tunedModels/x.", #","status":"PERMISSION_DENIED""#)),
            (403, #"{"error":"Model access is denied"}"#), (401, error("You are not allowed to use this model")),
            (401, error("You have insufficient permissions for this operation. Missing scopes: model.request.")),
        ])
    func models(status: Int, body: String) {
        #expect(Self.subject(status, body) == .model)
    }

    @Test(
        "a scope, a path, a header, a size",
        arguments: [
            (403, error("You have insufficient permissions for this operation. Missing scopes: api.usage.read.")),
            (401, error("You have insufficient permissions for this operation. Missing scopes: api.files.write")),
            (403, error("Request had insufficient authentication scopes.", #","status":"PERMISSION_DENIED""#)),
            (401, error("OpenAI-Organization header should match organization for API key")),
            (401, error("No such organization: org-x.", #","code":"invalid_organization""#)),
            (401, error("OAuth authentication is currently not supported.")),
            (401, error("API keys are not supported by this API. Expected OAuth2 access token")),
            (401, error("The principal `x` lacks the required data action `Microsoft/y` to perform `POST /openai/z`")),
            (403, error("You do not have permission to access the File x or it may not exist.")),
            (
                402,
                error(
                    "This request requires more credits, or fewer max_tokens. You requested up to 9 tokens, but can only afford 3"
                )
            ),
            (
                429,
                error(
                    "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 65432. The input or output "
                        + "tokens must be reduced in order to run successfully.", #","code":"rate_limit_exceeded""#)
            ),
            (413, error("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 7000")),
            (429, error("Extra usage is required for long context requests.")),
            (402, error("More credits are required to run this request. 128000 token capacity required, 19484 available.")),
        ])
    func requests(status: Int, body: String) {
        #expect(Self.subject(status, body) == .request)
    }

    private static func refused(_ message: String) -> [String] {
        [
            #"{"type":"error","error":{"type":"permission_error","message":"\#(message)"}}"#,
            #"{"error":{"message":"\#(message)","type":"invalid_request_error","param":null,"code":null}}"#,
            #"{"error":{"code":403,"message":"\#(message)","status":"PERMISSION_DENIED"}}"#,
        ]
    }

    @Test(
        "a 403 in any words takes out what it speaks of, in every vendor's shape",
        arguments: [
            ("OAuth token does not meet scope requirement user:profile", .request),
            ("Missing scope: user:inference", .request), ("insufficient scope", .request), ("Invalid scope", .request),
            ("Scope model.write is required", .request), ("The token lacks the required scope (inference)", .request),
            ("This token does not have the scope required for this operation", .request),
            ("Token is missing the scope api.write", .request), ("Missing required permission: inference.write", .request),
            ("You do not have permission to access this endpoint", .request), ("endpoint not allowed for this key", .request),
            ("You are not allowed to use this endpoint", .request), ("Permission denied for path /v1/messages", .request),
            ("API key does not have access to /v1/messages", .request), ("Forbidden: path not allowed", .request),
            ("This key is not authorized for the messages endpoint", .request),
            ("Your prompt has been flagged as potentially violating our policy", .content),
            ("Request blocked by content moderation", .content), ("The content was flagged", .content),
            ("Input flagged by moderation", .content), ("Blocked: harmful content", .content),
            ("The response was blocked due to safety", .content), ("Moderation: input rejected", .content),
            ("The requested model is not permitted for this API key", .model), ("This model requires a paid plan", .model),
            ("You are not authorized to use the requested model", .model), ("model: x not permitted", .model),
            ("The requested model is not enabled for your account", .model), ("Your plan does not include these models", .model),
        ] as [(String, RefusalSubject)])
    func spokenOf(message: String, subject: RefusalSubject) {
        for body in Self.refused(message) { #expect(Self.subject(403, body) == subject, "\(body)") }
    }

    @Test(
        "a 403 about the key, its owner or money stays theirs, whatever else it speaks of",
        arguments: [
            "Your credential is only authorized for use with Claude Code and cannot be used for other API requests.",
            "This credential is only authorized for use with Claude Code, not with this endpoint",
            "API key not valid. Please pass a valid API key to use this endpoint.", "This endpoint requires a valid API key",
            "Your account is suspended and cannot use any model", "Enable billing to use this endpoint and its models",
            "Your billing account is closed: no models are available", "Your API key has expired; no scope is left",
            "Your account was flagged by our moderation team", "This organization was flagged for harmful behaviour",
            "User banned from all endpoints", "OAuth token has been revoked for every scope",
            "Your payment failed; all models are paused", "Forbidden", "Access denied", "Permission denied", "not allowed",
            "The remodeled, pathological endpointless telescope",
        ])
    func staysWithAccount(message: String) {
        for body in Self.refused(message) {
            #expect([nil, .credential, .money].contains(Self.subject(403, body)), "\(body)")
        }
    }

    @Test(
        "what a request says",
        arguments: [
            (403, error("openai/gpt-4 requires moderation. Your input was flagged for 'violence'. No credits were charged.")),
            (
                403,
                #"{"code":"The caller does not have permission","error":"Content violates usage guidelines. Failed check: X"}"#
            ),
            (400, error("Content Exists Risk")), (400, error("The request was rejected because it was considered high risk")),
            (400, error("Output blocked by content filtering policy")),
            (400, error("Your request was rejected by the safety system", #","code":"content_policy_violation""#)),
            (400, #"{"code":"DataInspectionFailed","message":"Input data may contain inappropriate content."}"#),
        ])
    func content(status: Int, body: String) {
        #expect(Self.subject(status, body) == .content)
    }

    @Test(
        "an account without money",
        arguments: [
            (402, #"{"error":{"message":"Insufficient Balance"}}"#), (402, ""), (402, "<html>Payment Required</html>"),
            (
                402,
                error(
                    "This request requires more credits, or fewer max_tokens. You requested up to 9 tokens, but can only afford 0."
                )
            ),
            (400, error("Your credit balance is too low to access the Anthropic API.")),
            (429, error("You exceeded your current quota", #","code":"insufficient_quota""#)),
            (429, error("Your account org-x <ak-y> is suspended due to insufficient balance, please recharge your account")),
            (403, error("Key limit exceeded (total limit)")),
            (403, #"{"code":30001,"message":"Sorry, your account balance is insufficient"}"#),
            (403, #"{"code":"The caller may not","error":"Your newly created team doesn't have any credits or licenses yet."}"#),
            (403, #"{"code":"Arrearage","message":"Access denied, please make sure your account is in good standing."}"#),
            (412, error("Account x is suspended, possibly due to reaching the monthly spending limit")),
        ])
    func money(status: Int, body: String) {
        #expect(Self.subject(status, body) == .money)
    }

    @Test(
        "an empty balance, in whatever words and with whatever status",
        arguments: [
            (
                403,
                #"{"detail":"User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."}"#
            ),
            (
                429,
                error("Your prepayment credits are depleted. Please go to AI Studio.", #","status":"RESOURCE_EXHAUSTED""#)
            ),
            (400, error("Your credits have been depleted")),
            (400, error("Your account balance is too low to make this request")), (429, error("Not enough balance")),
            (403, error("The account balance is not sufficient")), (429, error("You have run out of credits")),
            (400, error("You have insufficient funds")), (500, error("Insufficient Balance")),
            (503, error("There is no balance left on your account")),
            (429, error("Your project has exceeded its monthly spending cap.", #","status":"RESOURCE_EXHAUSTED""#)),
        ])
    func emptyBalance(status: Int, body: String) {
        #expect(Self.subject(status, body) == .money)
        let within = withBytes(body) { UpstreamError.read(status: 500, body: $0).withinSuccess }
        #expect(within.subject == .money && within.status == 502)
    }

    @Test(
        "a quota or a rate in the words of a refusal",
        arguments: [
            (403, error("API rate limit exceeded for user"), nil), (403, error("Resource exhausted"), nil),
            (403, error("There is no capacity for you"), nil), (403, error("Rate limit exceeded for this endpoint"), nil),
            (403, error("Quota exceeded for this key"), nil), (403, error("Quota exceeded for this model"), nil),
            (
                403,
                error(
                    "Quota exceeded for quota metric 'Queries' and limit 'Queries per day' of service 'x'",
                    #","status":"PERMISSION_DENIED""#), nil
            ),
            (
                403,
                #"{"error":{"code":"403","message":"Out of call volume quota. Quota will be replenished in 06:42:11."}}"#,
                24_131
            ),
            (403, error("Out of call volume quota. Quota will be replenished in 1.00:00:05."), 86_405),
            (401, error("Your quota is exhausted"), nil), (401, error("API rate limit exceeded"), nil),
            (403, error("You exceeded your current quota, please check your plan and billing details."), nil),
        ] as [(Int, String, Int?)])
    func limits(status: Int, body: String, seconds: Int?) {
        let error = withBytes(body) { UpstreamError.read(status: status, body: $0) }
        #expect(error.subject == .limit)
        #expect(error.errorClass == .rateLimit)
        #expect(error.retryAfterSeconds == seconds)
    }

    @Test(
        "a 401 stays the key's, and a 403 its owner's, where a quota is not plainly what it is about",
        arguments: [
            (401, error("No capacity to verify your key")), (401, error("Invalid API key; your credit is safe")),
            (403, error("Your subscription has expired, with all its quota")),
        ])
    func noLimits(status: Int, body: String) {
        #expect([nil, .credential].contains(Self.subject(status, body)))
    }

    @Test(
        "a key or its owner",
        arguments: [
            (401, ""), (401, #"{"detail":"Unauthorized"}"#), (401, error("Incorrect API key provided: sk-ope**0001.")),
            (401, error("User not found.")), (401, error("Input was flagged")),
            (403, error("Permission denied: Consumer 'api_key:x' has been suspended.")),
            (403, error("Permission denied.", #","details":[{"reason":"CONSUMER_SUSPENDED"}]"#)),
            (403, error("Your API key was reported as leaked. Please use another API key.")),
            (403, error("Your account was disabled for violating our usage policies.")),
            (403, error("This organization has been disabled.")), (400, error("This organization has been disabled.")),
            (403, error("OAuth token has been revoked. Please obtain a new token.")),
            (403, error("Country, region, or territory not supported", #","code":"unsupported_country_region_territory""#)),
            (403, #"{"error":{"code":"403","message":"Access denied due to Virtual Network/Firewall rules."}}"#),
            (
                403,
                #"{"error":{"code":"AuthenticationTypeDisabled","message":"Key based authentication is disabled for this resource."}}"#
            ),
            (403, error("Gemini API has not been used in project 1 before or it is disabled.")),
            (400, error("API key not valid. Please pass a valid API key.", #","details":[{"reason":"API_KEY_INVALID"}]"#)),
            (
                400,
                #"{"error":{"code":400,"message":"API Key not found.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#
            ),
        ])
    func credentials(status: Int, body: String) {
        #expect(Self.subject(status, body) == .credential)
    }

    @Test(
        "nothing that can be told",
        arguments: [
            (403, ""), (403, error("Forbidden")), (403, "<html>Sorry, you have been blocked</html>"),
            (403, error("The caller does not have permission", #","status":"PERMISSION_DENIED""#)), (400, error("bad field")),
            (404, error("The model `x` does not exist")), (429, error("slow down")), (500, error("revoked")),
            // A rate limit in the words of an empty balance.
            (
                429,
                error(
                    "You exceeded your current quota, please check your plan and billing details.",
                    #","status":"RESOURCE_EXHAUSTED""#)
            ),
        ])
    func unspecified(status: Int, body: String) {
        #expect(Self.subject(status, body) == nil)
    }

    @Test(
        "what a client wrote is no word of the vendor's",
        arguments: [
            (400, "Invalid value: 'api_key_invalid'"), (400, "Unknown tool `credit balance is too low`"),
            (400, "Invalid schema for function 'account_deactivated': x is not valid"),
            (400, "Invalid 'tools[0].name': got \\\"insufficient_quota\\\""),
            (404, "The model 'insufficient balance' does not exist"),
            (404, "The model 'x' organization has been disabled 'y' does not exist"), (403, "Unknown field 'revoked'"),
        ])
    func quoted(status: Int, message: String) {
        withBytes(Self.error(message)) { body in
            let error = UpstreamError.read(status: status, body: body)
            #expect(error.subject == nil)
            #expect(error.errorClass != .authentication && error.errorClass != .billing)
        }
    }

    @Test(
        "nor is the model's name, without quotes either",
        arguments: [
            (404, "a-api_key_invalid", "model: a-api_key_invalid"), (404, "a-insufficient_quota", "model: a-insufficient_quota"),
            (
                404, "a-credit balance is too low",
                "models/a-credit%20balance%20is%20too%20low is not found for API version v1beta"
            ),
            (400, "a-credit balance is too low", "model: A-credit balance is too low"),
            (400, "a-credit%20balance is too low", "no such model a-credit balance is too low"),
            (400, "openai/credit balance is too low", "no such model: credit balance is too low"),
            (403, "revoked", "You may not have revoked here"), (403, "x/account has been", "account has been is not for you"),
            (400, "rate limit", "unknown model rate limit"), (422, "a-quota", "unknown model a-quota"),
            (404, "your quota", "models/your%20quota not found"),
            (429, "insufficient_quota", "slow down with insufficient_quota"),
        ])
    func named(status: Int, model: String, message: String) {
        withBytes(Self.error(message)) { body in
            let error = UpstreamError.read(status: status, body: body).heard(without: [model, "*", ""])
            #expect(error.subject == nil)
            #expect(error.errorClass != .authentication && error.errorClass != .billing)
            #expect(!error.isExhausted)
        }
    }

    @Test("a vendor's own words stay its own, whatever the model is called")
    func ownWords() {
        for (status, model, body, subject) in [
            (400, "a", Self.error("Your credit balance is too low"), .money),
            (404, "m", Self.error("m", #","code":"insufficient_quota""#), .money),
            (400, "m", Self.error("no m", #","details":[{"reason":"API_KEY_INVALID"}]"#), .credential),
            (403, "m", Self.error("not allowed to sample from this model"), .model),
            (403, "m", Self.error("Access to m is gated"), .model), (403, "m", Self.error("Quota exceeded for m"), .limit),
        ] as [(Int, String, String, RefusalSubject)] {
            let error = withBytes(body) { UpstreamError.read(status: status, body: $0) }
            #expect(error.heard(without: [model]).subject == subject)
        }
    }

    @Test("nor is it where the quote is longer than what is looked at, or has no end")
    func quotedAtLength() {
        let long = String(repeating: "organization has been disabled ", count: 300)
        for message in ["Invalid value: '\(long)'", "Invalid value: '\(long)", "Invalid value: `x` '\(long)"] {
            #expect(Self.subject(400, Self.error(message)) == nil)
        }
    }

    @Test(
        "nothing is exhausted because a request that is bad has such words in its strings",
        arguments: [
            ("quota: Extra inputs are not permitted", #"{"quota":1}"#, false),
            ("Metadata.Rate_Limit: Extra inputs are not permitted", #"{"metadata":{"r\u0061te_limit":1}}"#, false),
            ("tool_choice: tool get_quota not found", #"{"tools":[{"name":"get_quota"}]}"#, false),
            ("my quota is mine: Extra inputs are not permitted", #"{"my quota is mine":1}"#, false),
            ("cannot load https://x.test/quota.png", #"{"url":"https://x.test/quota.png"}"#, false),
            ("quota exceeded for nobody: Extra inputs are not permitted", #"{"quota exceeded for nobody":1}"#, false),
            ("quota: Extra inputs are not permitted", #"{"quotas":1,"text":"tell me of quota"}"#, true),
            ("You have exceeded your quota", #"{"quota":1}"#, true), ("no quota and no capacity", #"{"quota":1}"#, true),
            ("no capacity left", "{}", true), ("no capacity left", "", true),
        ])
    func repeatedExhaustion(message: String, request: String, isExhausted: Bool) {
        for status in [400, 404, 422] {
            withBytes(Self.error(message)) { body in
                let error = UpstreamError.read(status: status, body: body)
                #expect(error.isExhausted)
                let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
                withBytes(request) { request in
                    #expect(error.repeatsExhaustion(of: request, head: nothing, in: body) != isExhausted)
                    #expect(error.repeatsExhaustion(of: request, head: nothing, in: nothing) != isExhausted)
                    let limited = UpstreamError.read(status: 429, body: body)
                    #expect(!limited.repeatsExhaustion(of: request, head: nothing, in: body))
                }
            }
        }
    }

    @Test("a detail beside the message repeats as well")
    func repeatedBesideTheMessage() {
        for said in [
            #"{"detail":[{"type":"extra_forbidden","loc":["body","quota"],"msg":"Extra inputs are not permitted"}]}"#,
            #"{"error":{"message":"Unsupported parameter","type":"invalid_request_error","param":"quota"}}"#,
        ] {
            withBytes(said) { body in
                let error = UpstreamError.read(status: 422, body: body)
                let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
                #expect(error.isExhausted)
                withBytes(#"{"quota":1}"#) { #expect(error.repeatsExhaustion(of: $0, head: nothing, in: body)) }
                withBytes(#"{"other":1}"#) { #expect(!error.repeatsExhaustion(of: $0, head: nothing, in: body)) }
            }
        }
    }

    @Test(
        "nor because its path, its query or a header has them",
        arguments: [
            ("Invalid URL (POST /v1/quota)", "POST /v1/quota HTTP/1.1", true),
            ("Unknown query parameter quota", "POST /v1/x?a=b&%71uota=1 HTTP/1.1", true),
            ("Unsupported header x-quota", "POST /v1/x HTTP/1.1\r\nX-Quota: 1", true),
            ("Unknown beta requested: credit", "POST /v1/x HTTP/1.1\r\nbeta: a,credit=1", true),
            ("no quota", "POST /v1/quotas HTTP/1.1\r\nquota-x: 1", false),
        ])
    func repeatedHead(message: String, head: String, repeats: Bool) {
        withBytes(Self.error(message)) { body in
            let error = UpstreamError.read(status: 404, body: body)
            withBytes(head) { head in
                withBytes("{}") { #expect(error.isExhausted && error.repeatsExhaustion(of: $0, head: head, in: body) == repeats) }
            }
        }
    }

    @Test(
        "nor does it cost an account its money, or its name",
        arguments: [
            ("credit balance is too low: Extra inputs are not permitted", #"{"credit balance is too low":1}"#, nil),
            ("organization has been disabled: Extra inputs", #"{"Organization has been disabled":1}"#, nil),
            ("Your credit balance is too low", #"{"text":"credit balances are low"}"#, .money),
        ] as [(String, String, RefusalSubject?)])
    func repeatedRefusal(message: String, request: String, subject: RefusalSubject?) {
        withBytes(Self.error(message)) { body in
            let error = UpstreamError.read(status: 400, body: body)
            #expect(error.subject != nil)
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            let heard = error.heard(without: ["m"], repeated: withBytes(request) { error.repeated(of: $0, head: nothing) })
            #expect(heard.subject == subject)
            #expect(heard.isExhausted == (subject != nil))
        }
    }

    @Test(
        "a refusal of what was asked for that repeats it is none of the account",
        arguments: [
            ("Your input was flagged: my account has been closed", #"{"text":"my account has been closed"}"#, .content),
            ("missing scopes for credit balance is too low", #"{"name":"Credit balance is too low"}"#, .request),
            ("You may not use this model for insufficient balance", #"{"x":["insufficient balance"]}"#, .model),
            // What the vendor says by itself stays its word, whoever else says it: without it the account would be worse off.
            ("Quota exceeded", #"{"text":"quota exceeded"}"#, .limit),
            ("Insufficient balance", #"{"text":"insufficient balance"}"#, .money),
            ("Your organization has been disabled", #"{"text":"your organization has been disabled"}"#, .credential),
            ("Your input was flagged: your account has been closed", #"{"text":"my account has been"}"#, .credential),
        ] as [(String, String, RefusalSubject)])
    func repeatedInARefusal(message: String, request: String, subject: RefusalSubject) {
        withBytes(Self.error(message)) { body in
            let error = UpstreamError.read(status: 403, body: body)
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            let repeated = withBytes(request) { error.repeated(of: $0, head: nothing) }
            #expect(error.heard(without: ["m"], repeated: repeated).subject == subject)
        }
    }

    @Test("a request that is full of such words takes nobody out, nor does what stands before the vendor")
    func refusedAmongMany() {
        let many = (0..<2_000).map { "\"a\($0) account has been\"" }.joined(separator: ",")
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        withBytes(Self.error("Rejected: a7 account has been")) { body in
            let error = UpstreamError.read(status: 403, body: body)
            let repeated = withBytes("{\"m\":[\(many)]}") { error.repeated(of: $0, head: nothing) }
            #expect(error.subject == .credential && error.heard(without: [], repeated: repeated).subject == .request)
        }
        withBytes("<html>Blocked: my account has been closed</html>") { body in
            let error = UpstreamError.read(status: 403, body: body)
            let repeated = withBytes(#"{"text":"my account has been closed"}"#) { error.repeated(of: $0, head: nothing) }
            #expect(error.subject == .credential && error.heard(without: [], repeated: repeated).subject == nil)
        }
    }

    @Test(
        "an error that comes late is heard as the vendor's, but where it may repeat a request that is here no more",
        arguments: [
            (#"{"error":{"type":"rate_limit_error","message":"Try again in 40s"}}"#, nil, 429, true, 40),
            (#"{"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"no"}}"#, .money, 429, true, nil),
            (#"{"error":{"type":"authentication_error","message":"invalid x-api-key"}}"#, .credential, 401, false, nil),
            (#"{"error":{"type":"invalid_request_error","message":"credit balance is too low: no"}}"#, nil, 400, false, nil),
            (#"{"error":{"type":"invalid_request_error","message":"there is no capacity for `x`"}}"#, nil, 400, false, nil),
            (#"{"error":{"type":"permission_error","message":"organization has been x"}}"#, .request, 403, false, nil),
            // Sentences that nobody but a vendor begins with.
            (said("invalid_request_error", "Your credit balance is too low to access the API."), .money, 429, true, nil),
            (said("invalid_request_error", "Insufficient Balance"), .money, 429, true, nil),
            (said("invalid_request_error", "This organization has been disabled."), .credential, 401, false, nil),
            (said("invalid_request_error", "You exceeded your current quota, please check it"), nil, 400, true, nil),
            (said("permission_error", "Your account has been suspended."), .credential, 403, false, nil),
            (said("permission_error", "Rate limit exceeded"), .limit, 429, true, nil),
            // Whose it is may stand in the midst of one.
            (said("permission_error", "Your account org-1f2e<ak-3d> has been suspended."), .credential, 403, false, nil),
            (
                said("invalid_request_error", "Your team 3fa85f64-57 has either used all available credits or not."),
                .money, 429, true, nil
            ),
            (said("permission_error", "Account org-1f2e has been suspended as a name"), .request, 403, false, nil),
            (said("permission_error", "Your account acme has been suspended"), .request, 403, false, nil),
            (said("permission_error", "Your account org-1f2e: has been suspended"), .request, 403, false, nil),
            (said("invalid_request_error", "Your credit balance is too low: unknown"), nil, 400, false, nil),
            (said("invalid_request_error", "Your credit balance is too lowly"), nil, 400, false, nil),
            (said("permission_error", "Your account has been: unknown"), .request, 403, false, nil),
        ] as [(String, RefusalSubject?, Int, Bool, Int?)])
    func heardLate(event: String, subject: RefusalSubject?, status: Int, isLimit: Bool, wait: Int?) {
        withBytes(event) { event in
            let error = UpstreamError.readEvent(event, dialect: .openai).heardLate(without: ["m"])
            #expect(error.subject == subject && error.status == status, "\(error)")
            #expect(error.isLimit == isLimit && error.retryAfterSeconds == wait, "\(error)")
        }
    }

    private static func said(_ type: String, _ message: String) -> String {
        #"{"error":{"type":"\#(type)","message":"\#(message)"}}"#
    }

    @Test("of a large request what is around an error's words is looked at; too many such strings are believed")
    func repeatedInALargeRequest() {
        let many = (0..<50_000).map { "\"\($0) balance\"" }.joined(separator: ",")
        let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
        withBytes(Self.error("credit balance is too low: Extra inputs are not permitted")) { body in
            let error = UpstreamError.read(status: 400, body: body)
            let other = (0..<50_000).map { "\"\($0)\"" }.joined(separator: ",")
            withBytes("{\"m\":[\(other)],\"Credit balance is too low\":1}") { request in
                #expect(error.repeated(of: request, head: nothing) == ["credit balance is too low"])
                #expect(error.repeatsExhaustion(of: request, head: nothing, in: body))
            }
            withBytes("{\"m\":[\(many)]}") { request in
                #expect(error.repeatsExhaustion(of: request, head: nothing, in: body))
            }
        }
    }

    @Test(
        "nothing is exhausted because a client says so",
        arguments: [
            ("Invalid value: 'quota'", false), ("Tool `check_credit_balance` has no schema", false),
            ("Quota exceeded for 'x'", true), ("You have exhausted your capacity on 'm'", true), ("no capacity for you", true),
        ])
    func exhaustion(message: String, isExhausted: Bool) {
        withBytes(Self.error(message)) { body in
            #expect(UpstreamError.read(status: 400, body: body).isExhausted == isExhausted)
            #expect(UpstreamError.read(status: 429, body: body).isExhausted)
        }
    }

    @Test("every phrase is lower case, as it is looked for")
    func phrases() {
        for (_, words) in RefusalWords.rows {
            for word in words { #expect(word.description == word.description.lowercased()) }
        }
    }
}
