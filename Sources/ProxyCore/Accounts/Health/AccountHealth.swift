import Basics

/// The health of one account: what befalls it goes in, what is held against it comes of that, and what is worth a line.
///
/// Pure: times are milliseconds of `SteadyClock`. Put together of what every loop reads (`state`) and of what only the next failure
/// asks for (`faults`), so that an account against which nothing is held costs nobody a look.
struct AccountHealth: Sendable {
    private(set) var state: AccountState {
        didSet { isChanged = true }
    }
    /// Whether anything befell it that every loop has to read.
    private(set) var isChanged = false
    private(set) var faults: AccountFaults

    init(state: AccountState = AccountState(), faults: AccountFaults = AccountFaults()) {
        self.state = state
        self.faults = faults
    }

    /// An account's table of resting models holds so many.
    static let restingModels = 1_000
    /// Bytes of a model's name that are kept; no vendor has a longer one.
    static let longestModel = 256
    private static let minute = 60_000

    /// How long a refused account is not asked, the probe counted that was refused last: 5, 10, 20, 40, 60 minutes.
    static func refusalRest(probes: Int) -> Int { min(5 << min(max(probes, 0), 4), 60) * minute }

    /// Whether a request may go there now.
    enum Claim: Sendable, Hashable {
        /// Nothing stands against it.
        case free
        /// This request is the one that tries.
        case probe
        /// Another one tries, or it is not time yet.
        case taken
    }

    // MARK: What befalls it

    /// It gave no response, or one that says that it is broken.
    mutating func failed(_ failure: AccountFailure, now: Int) -> [AccountChange] {
        guard failure.isAboutAccount else { return failedForStranger(failure, now: now) }
        let wasOpen = faults.account.until != nil
        let opens = faults.account.failed(
            failure.fault, isProbe: failure.isProbe, successes: failure.successes, now: now)
        guard opens, let until = faults.account.until else { return [] }
        state.failing = AccountState.Failing(until: until, reason: failure.reason)
        guard !wasOpen else { return [] }
        return [.worse(.failing, reason: failure.reason.description, words: failure.reason.words, until: until)]
    }

    /// A name that only a client has said fails for itself, where others are served. Where it was let through to try, it has told
    /// nothing.
    private mutating func failedForStranger(_ failure: AccountFailure, now: Int) -> [AccountChange] {
        if failure.isProbe { dropProbe(now: now) }
        guard failure.model.utf8.count <= Self.longestModel, let until = faults.failed(failure, now: now) else { return [] }
        return cool(failure.model, until: until, reason: failure.reason, modelStatus: .stranger, now: now)
    }

    /// It is limited for a model.
    /// - Parameter isTold: false: that it is, and until when, was told otherwise.
    mutating func cool(
        _ model: String, until: Int, reason: CooldownReason, modelStatus: ModelStatus, isTold: Bool = true, now: Int
    ) -> [AccountChange] {
        guard model.utf8.count <= Self.longestModel else { return [] }
        if state.cooldowns[model] == nil { makeRoom(now: now) }
        let before = state.cooldowns[model].flatMap { $0.until > now && $0.isTold ? $0 : nil }
        state.cooldowns[model] = AccountState.Cooldown(
            until: until, reason: reason, since: now, modelStatus: modelStatus, isTold: isTold || before != nil)
        guard isTold, before?.reason != reason else { return [] }
        var change = AccountChange.worse(.cooling, reason: reason.description, words: reason.words, until: until)
        change.model = model
        change.isStranger = modelStatus == .stranger
        return [change]
    }

    private mutating func makeRoom(now: Int) {
        guard state.cooldowns.count >= Self.restingModels else { return }
        state.cooldowns = state.cooldowns.filter { $0.value.until > now }
        guard state.cooldowns.count >= Self.restingModels else { return }
        // The oldest of the names that only a client knows goes first, else the oldest of all.
        let least = state.cooldowns.min { a, b in
            let (isKnown, isOtherKnown) = (a.value.modelStatus == .known, b.value.modelStatus == .known)
            return isKnown == isOtherKnown ? a.value.since < b.value.since : isOtherKnown
        }
        if let least { state.cooldowns[least.key] = nil }
    }

    /// The upstream refused it, whatever it is asked for. Until the refusal's time at least; for longer with every probe that is refused.
    mutating func refused(_ refusal: AccountState.Refusal, isProbe: Bool, now: Int) -> [AccountChange] {
        var refusal = refusal
        let before = state.refusal
        refusal.since = before?.since ?? now
        if let before {
            let isNew = isProbe || now >= before.until
            refusal.probes = isNew ? before.probes &+ 1 : before.probes
            // What was asked before it was refused for the first time tells nothing new.
            refusal.until = isNew ? max(refusal.until, now &+ Self.refusalRest(probes: refusal.probes)) : before.until
            refusal.isProbed = !isNew && before.isProbed
        }
        state.refusal = refusal
        if let before, before.kind == refusal.kind, before.status == refusal.status { return [] }
        let word: AccountStanding.Word = refusal.kind == .money ? .outOfMoney : .refused
        return [
            .worse(word, reason: word.rawValue, words: refusal.message, status: refusal.status, until: refusal.until)
        ]
    }

    /// It served a model: what was held against it is over.
    /// - Parameter asked: when it was asked for that: of a limit or a refusal that it told later, the success says nothing.
    mutating func succeeded(_ model: String, proves: AccountState.Proof, asked: Int = .max) -> [AccountChange] {
        var changes: [AccountChange] = []
        if let refusal = state.refusal, refusal.since <= asked, refusal.kind == .credential || proves == .generation {
            state.refusal = nil
            changes.append(.better(refusal.kind == .money ? .outOfMoney : .refused, reason: "served"))
        }
        if proves == .generation { changes += responded("served") }
        if let cooldown = state.cooldowns[model], cooldown.since <= asked {
            state.cooldowns[model] = nil
            if cooldown.isTold { changes.append(Self.back(model, cooldown, reason: "served")) }
        }
        return changes
    }

    /// It gave a response to a request for a generation, be it an error of the client's: it is there.
    mutating func responded(_ reason: String = "answered") -> [AccountChange] {
        guard faults.account.succeeded() else { return [] }
        state.failing = nil
        return [.better(.failing, reason: reason)]
    }

    // MARK: Probes

    /// A request is about to go there.
    mutating func claim(now: Int) -> Claim {
        if state.isDrained { return .taken }
        if let refusal = state.refusal, now < refusal.until { return .taken }
        if state.failing != nil, !faults.account.claimProbe(now: now) { return .taken }
        guard state.refusal != nil || state.failing != nil else { return .free }
        let until = now &+ Breaker.probeTime
        state.failing?.until = until
        state.refusal?.until = until
        state.refusal?.isProbed = true
        return .probe
    }

    /// The request that tried ended without telling anything: the next one tries.
    mutating func dropProbe(now: Int) {
        if state.failing != nil, faults.account.isProbing {
            faults.account.dropProbe(now: now)
            state.failing?.until = now
        }
        if state.refusal?.isProbed == true {
            state.refusal?.isProbed = false
            state.refusal?.until = now
        }
    }

    // MARK: Operators, files, polls

    /// An operator takes it out.
    mutating func drain() -> [AccountChange] {
        guard !state.isDrained else { return [] }
        state.isDrained = true
        return [.worse(.drained, reason: "drained", words: "an operator takes no new requests to it")]
    }

    /// An operator ends what is held against it.
    mutating func free(now: Int) -> [AccountChange] {
        let word = state.standing(now: now).word
        self = AccountHealth()
        isChanged = true
        return word == .ready ? [] : [.better(word, reason: "freed")]
    }

    /// It has another credential: what was said of the old one is over. What an operator did stays, and so does that nobody is there.
    mutating func changeCredential() -> [AccountChange] {
        let refusal = state.refusal
        let resting = state.cooldowns.filter(\.value.isTold).inKeyOrder()
        state.refusal = nil
        state.cooldowns = [:]
        let reason = "its credential changed"
        var changes = resting.prefix(Self.toldAtOnce).map { Self.back($0.key, $0.value, reason: reason) }
        if let refusal { changes.insert(.better(refusal.kind == .money ? .outOfMoney : .refused, reason: reason), at: 0) }
        return changes
    }

    /// So many models that are back at once have a line each.
    private static let toldAtOnce = 50

    /// Models have quota again: their cooldowns end, those of the rest that are over go.
    mutating func endCooldowns(now: Int, where hasQuota: (_ model: String) -> Bool) -> [AccountChange] {
        var changes: [AccountChange] = []
        state.cooldowns = state.cooldowns.filter { model, cooldown in
            let isOver = cooldown.until <= now
            guard isOver || hasQuota(model) else { return true }
            if cooldown.isTold { changes.append(Self.back(model, cooldown, reason: isOver ? "its time is over" : "quota")) }
            return false
        }
        return changes
    }

    private static func back(_ model: String, _ cooldown: AccountState.Cooldown, reason: String) -> AccountChange {
        var change = AccountChange.better(.cooling, reason: reason)
        change.model = model
        change.isStranger = cooldown.modelStatus == .stranger
        return change
    }
}

/// What the next failure of an account asks for: its breaker, and those of names that only clients have said.
struct AccountFaults: Sendable, Hashable {
    var account = Breaker()
    private(set) var strangers: [String: Breaker] = [:]

    /// So many names are kept; the one that failed longest ago gives way.
    static let strangerNames = 200

    var isPlain: Bool { account == Breaker() && strangers.isEmpty }

    /// - Returns: until when the name rests; nil while it does not.
    fileprivate mutating func failed(_ failure: AccountFailure, now: Int) -> Int? {
        var breaker = strangers[failure.model] ?? Breaker()
        if strangers[failure.model] == nil, strangers.count >= Self.strangerNames,
            let oldest = strangers.min(by: { $0.value.lastFailure ?? 0 < $1.value.lastFailure ?? 0 })
        {
            strangers[oldest.key] = nil
        }
        // A name that has served would be no stranger: there is no success between two of its failures.
        let opens = breaker.failed(failure.fault, isProbe: false, successes: 0, now: now)
        strangers[failure.model] = breaker
        return opens ? breaker.until : nil
    }
}

/// A failure of an account.
struct AccountFailure: Sendable, Hashable {
    let reason: CooldownReason
    let model: String
    let modelStatus: ModelStatus
    var isProbe = false
    /// How many requests the account has served so far, or answered with an error of the client's.
    var successes = 0
    /// Whether it has served anybody lately: then a name that only a client has said takes nothing from the others.
    var servesOthers = false

    var fault: Breaker.Fault {
        switch reason {
        case .response: .response
        case .failure(let failure):
            switch failure.trigger {
            case .timeout: .timeout
            default: .connection
            }
        }
    }

    /// Whether it counts for the account: that nobody is there says the same of every model, the rest does where the model is known, or
    /// where nothing else tells that the account is well.
    var isAboutAccount: Bool {
        if modelStatus == .known || !servesOthers { return true }
        if case .failure(let failure) = reason { return failure.isBeforeRequest }
        return false
    }
}
