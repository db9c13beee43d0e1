import Basics
import HTTP1

/// What the head of a response tells of quota, as it is read: the vendors' families of headers, by window.
///
/// It points into the head's bytes, and lives no longer than they do. A number that cannot be is nobody's: what was told before
/// stands. Only a window that others should hear of is made, since most responses change nothing that matters.
struct QuotaHeaders {
    /// Which models a window counts for, as far as a head knows.
    enum Scope: Equatable {
        /// The model that was asked for.
        case model
        case all
        case family(String)
    }

    struct Slot {
        let kind: String
        let scope: Scope
        var limit: Double?
        var remaining: Double?
        /// What is used: 0 to 1, a little more where the last request went over.
        var used: Double?
        var isRejected = false
        var reset: UnsafeRawBufferPointer?
        /// A window of no length is none.
        var isNone = false

        /// What is left, 0 to 1; nil where the head does not tell.
        var share: Double? {
            if isNone { return nil }
            if isRejected { return 0 }
            // What is told in decimals is left in decimals: 0.9 used leaves a tenth, which a threshold of a tenth lets pass.
            if let used { return max(0, ((1 - used) * 1e6).rounded() / 1e6) }
            guard let remaining else { return nil }
            guard let limit else { return remaining == 0 ? 0 : nil }
            return limit > 0 ? remaining / limit : nil
        }
    }

    private(set) var slots: [Slot] = []
    /// Something was told that cannot be: a negative number, one that is none, more left than there is, a time of another century.
    private(set) var isOdd = false
    /// What changed, but too little for others to hear of it at once.
    private(set) var quiet: [QuotaWindow] = []
    private var overall = Overall()

    /// What `anthropic-ratelimit-unified-*` says of all windows together.
    private struct Overall {
        var isRejected = false
        var isAllowed = false
        var reset: UnsafeRawBufferPointer?
        /// The window that refused: `five_hour`, `seven_day`, `seven_day_opus`.
        var claim: UnsafeRawBufferPointer?
    }

    private static let mostSlots = 24
    /// Bytes that a value has at most.
    private static let longestValue = 64
    /// No vendor counts further; it fits into an Int and a Double.
    private static let largest = 1e15

    // MARK: Reading

    /// Whether a header may be one of them: by length and first letters alone, since most are not.
    @inline(__always)
    static func mayTell(_ name: UnsafeRawBufferPointer) -> Bool {
        // The shortest is `x-ratelimit-reset-tokens`.
        guard name.count >= 24, name.count <= 96 else { return false }
        switch name[0] | 0x20 {
        case UInt8(ascii: "x"):
            let third = name[2] | 0x20
            return third == UInt8(ascii: "r") || third == UInt8(ascii: "c")
        case UInt8(ascii: "a"): return name[9] == UInt8(ascii: "-") && name[10] | 0x20 == UInt8(ascii: "r")
        default: return false
        }
    }

    /// Reads one header.
    mutating func read(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        guard !value.isEmpty, value.count <= Self.longestValue else { return }
        var rest = HeaderWords(name)
        if rest.drop("x-ratelimit-") {
            readRateLimit(rest, value)
        } else if rest.drop("anthropic-ratelimit-") {
            if rest.drop("unified-") { readUnified(rest, value) } else { readAnthropic(rest, value) }
        } else if rest.drop("x-codex-") {
            readCodex(rest, value)
        }
    }

    /// Reads one header whose name the file gives.
    mutating func read(_ value: UnsafeRawBufferPointer, as part: QuotaHeaderNames.Part, of kind: String) {
        guard !value.isEmpty, value.count <= Self.longestValue else { return }
        guard let index = slot(kind, .model) else { return }
        if part == .reset {
            slots[index].reset = value
            return
        }
        guard let told = number(value) else {
            isOdd = true
            return
        }
        if part == .limit { slots[index].limit = told } else { slots[index].remaining = told }
    }

    private mutating func readRateLimit(_ name: HeaderWords, _ value: UnsafeRawBufferPointer) {
        var rest = name
        let part: QuotaHeaderNames.Part
        if rest.drop("limit-") {
            part = .limit
        } else if rest.drop("remaining-") {
            part = .remaining
        } else if rest.drop("reset-") {
            part = .reset
        } else {
            return
        }
        if rest.isSpelled("requests") { read(value, as: part, of: "requests") }
        if rest.isSpelled("tokens") { read(value, as: part, of: "tokens") }
    }

    private mutating func readAnthropic(_ name: HeaderWords, _ value: UnsafeRawBufferPointer) {
        var rest = name
        let part: QuotaHeaderNames.Part
        if rest.drop(ending: "-limit") {
            part = .limit
        } else if rest.drop(ending: "-remaining") {
            part = .remaining
        } else if rest.drop(ending: "-reset") {
            part = .reset
        } else {
            return
        }
        if rest.isSpelled("requests") { read(value, as: part, of: "requests") }
        if rest.isSpelled("tokens") { read(value, as: part, of: "tokens") }
        if rest.isSpelled("input-tokens") { read(value, as: part, of: "input_tokens") }
        if rest.isSpelled("output-tokens") { read(value, as: part, of: "output_tokens") }
    }

    private mutating func readUnified(_ name: HeaderWords, _ value: UnsafeRawBufferPointer) {
        var rest = name
        if name.isSpelled("status") {
            var word = HeaderWords(value)
            overall.isRejected = word.isSpelled("rejected")
            // There is `allowed_warning` too.
            overall.isAllowed = word.drop("allowed")
        } else if name.isSpelled("reset") {
            overall.reset = value
        } else if name.isSpelled("representative-claim") {
            overall.claim = value
        } else if rest.drop(ending: "-utilization") {
            guard let slot = unifiedSlot(rest) else { return }
            // One request may go a little over; what is far over is a percentage, or a lie.
            guard let used = number(value), used <= 2 else {
                isOdd = true
                return
            }
            slots[slot].used = used
        } else if rest.drop(ending: "-status") {
            guard let slot = unifiedSlot(rest) else { return }
            slots[slot].isRejected = HeaderWords(value).isSpelled("rejected")
        } else if rest.drop(ending: "-reset"), let slot = unifiedSlot(rest) {
            slots[slot].reset = value
        }
    }

    /// `5h` and `7d` hold all models; `7d_opus`, and what nobody knows yet, the models that it refuses.
    private mutating func unifiedSlot(_ name: HeaderWords) -> Int? {
        // Nearly all that there is, without a text for it.
        if name.isSpelled("5h") { return slot("5h", .all) }
        if name.isSpelled("7d") { return slot("7d", .all) }
        guard let text = name.word, !text.hasPrefix("overage") else { return nil }
        let digits = text.prefix { ("0"..."9").contains($0) }
        let rest = text.dropFirst(digits.count + 1)
        guard !digits.isEmpty, let unit = text.dropFirst(digits.count).first, "smhdw".contains(unit) else {
            return slot(text, .family(text))
        }
        if rest.isEmpty { return slot(text, .all) }
        guard rest.first == "_", rest.count > 1 else { return slot(text, .family(text)) }
        return slot("\(digits)\(unit):\(rest.dropFirst())", .family(String(rest.dropFirst())))
    }

    private mutating func readCodex(_ name: HeaderWords, _ value: UnsafeRawBufferPointer) {
        var rest = name
        let kind: String
        if rest.drop("primary-") {
            kind = "primary"
        } else if rest.drop("secondary-") {
            kind = "secondary"
        } else {
            return
        }
        if rest.isSpelled("used-percent") {
            guard let percent = number(value), percent <= 200 else {
                isOdd = true
                return
            }
            if let index = slot(kind, .all) { slots[index].used = percent / 100 }
        } else if rest.isSpelled("reset-after-seconds") || rest.isSpelled("reset-at") {
            if let index = slot(kind, .all) { slots[index].reset = value }
        } else if rest.isSpelled("window-minutes"), number(value) == 0, let index = slot(kind, .all) {
            slots[index].isNone = true
        }
    }

    private mutating func slot(_ kind: String, _ scope: Scope) -> Int? {
        if let found = slots.firstIndex(where: { $0.kind == kind && $0.scope == scope }) { return found }
        guard slots.count < Self.mostSlots else { return nil }
        slots.append(Slot(kind: kind, scope: scope))
        return slots.count - 1
    }

    /// A decimal number without sign or exponent; nil for anything else, and for what nobody has.
    private func number(_ text: UnsafeRawBufferPointer) -> Double? {
        var value = 0.0
        var scale = 0.0
        var digits = 0
        for byte in text {
            if byte == UInt8(ascii: "."), scale == 0 {
                scale = 1
                continue
            }
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            digits += 1
            if scale == 0 {
                value = value * 10 + Double(digit)
            } else {
                scale /= 10
                value += Double(digit) * scale
            }
        }
        return digits > 0 && value <= Self.largest ? value : nil
    }

    // MARK: Windows

    /// When and for what a head came.
    struct Moment {
        let model: String
        let status: Int
        /// The time of `SteadyClock`, in milliseconds.
        let now: Int
        /// Milliseconds since 1970.
        let wall: Int
        /// The share under which the account is passed over.
        let threshold: Double
        /// Whether windows of that model alone may be kept: a name that only a client knows has none.
        let keepsModel: Bool
        /// When the request was asked, as `SteadyClock` counts.
        var asked = Int.max
    }

    /// Whether anything is told of the model alone, or may be: then it matters whether the model's windows may be kept.
    func concernsModel(status: Int) -> Bool {
        if status == 429 { return true }
        return slots.contains { $0.scope == .model }
    }

    /// Nothing follows from it for a response that is no refusal: no window has a share, and nothing is told of all of them.
    var tellsNothing: Bool {
        !isOdd && !overall.isRejected && !overall.isAllowed && !slots.contains { $0.share != nil }
    }

    /// The windows that others should hear of, given what is known.
    mutating func news(_ moment: Moment, known: AccountWindows?) -> [QuotaWindow] {
        nameOverall(moment, known)
        let claim = moment.status == 429 ? claimed : nil
        var news: [QuotaWindow] = []
        for slot in slots {
            guard let left = share(of: slot) else { continue }
            let models: QuotaWindow.Models
            switch slot.scope {
            case .model:
                guard moment.keepsModel else { continue }
                models = .model(moment.model)
            case .all: models = .all
            case .family(let name):
                let isRefused = moment.status == 429 && left <= 0 && moment.keepsModel && isBlamed(slot, claim)
                models = .family(name, refused: isRefused ? [moment.model] : [])
            }
            var window = QuotaWindow(models, kind: slot.kind, share: left, source: .headers, takenAt: moment.now)
            window.limit = Self.amount(slot.limit, of: slot.kind)
            window.remaining = Self.amount(slot.remaining, of: slot.kind)
            window.isRefused = moment.status == 429 && left <= 0
            window.askedAt = moment.asked
            // A refusal comes at once; the head of a long answer comes with its end, and may be older than what is known.
            if moment.status != 429, known?.known(window)?.isLater(thanAsked: moment.asked, now: moment.now) == true { continue }
            let isNews = known?.isOutdated(by: window, threshold: moment.threshold, now: moment.now) ?? true
            guard isNews || known?.known(window).map({ $0.remaining != window.remaining || $0.share != left }) ?? false else {
                continue
            }
            window.resetsAt = slot.reset.flatMap { reset(of: $0, moment) }
            if window.resetsAt == nil { window.goodUntil = moment.now &+ QuotaWindow.lifeWithoutReset }
            if isNews { news.append(window) } else { quiet.append(window) }
        }
        return news
    }

    /// When all of the windows that a 429 blames are full again, as `SteadyClock` counts; nil where none names a time. After `news`.
    mutating func refusedUntil(_ moment: Moment) -> Int? {
        let claim = claimed
        var until: Int?
        for slot in slots where (slot.share ?? 1) <= 0 {
            if case .family = slot.scope, !isBlamed(slot, claim) { continue }
            guard let reset = slot.reset.flatMap({ reset(of: $0, moment) }) else { continue }
            until = max(until ?? reset, reset)
        }
        return until
    }

    /// nil where the head does not tell, or tells what cannot be.
    private mutating func share(of slot: Slot) -> Double? {
        guard let share = slot.share else { return nil }
        if share > 1 {
            isOdd = true
            return nil
        }
        return share
    }

    /// Money is told in dollars, and kept in nano-dollars; nil for more than anybody has.
    private static func amount(_ number: Double?, of kind: String) -> Int? {
        guard let number else { return nil }
        guard kind == "cost" else { return Int(number) }
        return number < 1e9 ? Int((number * 1e9).rounded()) : nil
    }

    /// Whether a refusal is for the lack of a family's quota. One that names another window, or comes when a window of all models
    /// is used up, says nothing of the family.
    private func isBlamed(_ slot: Slot, _ claim: (kind: String, scope: Scope)?) -> Bool {
        if let claim { return claim.kind == slot.kind }
        return !slots.contains { $0.scope == .all && ($0.share ?? 1) <= 0 }
    }

    /// The window that a refusal names; nil where it names none, or one that nobody knows.
    private var claimed: (kind: String, scope: Scope)? {
        guard let claim = overall.claim.flatMap({ HeaderWords($0).word }) else { return nil }
        switch claim {
        case "five_hour": return ("5h", .all)
        case "seven_day": return ("7d", .all)
        default:
            guard claim.hasPrefix("seven_day_"), claim.count > "seven_day_".count else { return nil }
            let family = String(claim.dropFirst("seven_day_".count))
            return ("7d:\(family)", .family(family))
        }
    }

    /// The window of what is told of no window.
    private static let unified = "unified"

    /// A refusal that blames none of the windows in words blames the one that it names, or all of them, until nothing is refused.
    private mutating func nameOverall(_ moment: Moment, _ known: AccountWindows?) {
        if overall.isAllowed, moment.status < 400, known?.isUsedUp(Self.unified, now: moment.now) == true {
            if let index = slot(Self.unified, .all) { slots[index].used = 0 }
        }
        guard overall.isRejected else { return }
        // A window that is refused and names no time is until the time that is told of all.
        for index in slots.indices where slots[index].isRejected { slots[index].reset = slots[index].reset ?? overall.reset }
        guard !slots.contains(where: { $0.isRejected }) else { return }
        let named = claimed ?? (kind: Self.unified, scope: .all)
        guard let found = slot(named.kind, named.scope) else { return }
        slots[found].isRejected = true
        slots[found].reset = slots[found].reset ?? overall.reset
    }

    private mutating func reset(of text: UnsafeRawBufferPointer, _ moment: Moment) -> Int? {
        guard let reset = QuotaReset(text, wall: moment.wall) else {
            isOdd = true
            return nil
        }
        if reset.isCut { isOdd = true }
        return moment.now &+ reset.milliseconds
    }
}

/// A header's name, or a value of words, taken apart from both ends; letters count without their case.
struct HeaderWords {
    private var bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    mutating func drop(_ beginning: StaticString) -> Bool {
        let count = beginning.utf8CodeUnitCount
        guard bytes.count >= count, equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: bytes[..<count]), beginning) else {
            return false
        }
        bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
        return true
    }

    mutating func drop(ending: StaticString) -> Bool {
        let start = bytes.count - ending.utf8CodeUnitCount
        guard start >= 0, equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: bytes[start...]), ending) else { return false }
        bytes = UnsafeRawBufferPointer(rebasing: bytes[..<start])
        return true
    }

    func isSpelled(_ text: StaticString) -> Bool { equalsIgnoringCase(bytes, text) }

    /// A single word of letters, digits and `_`, in lower case, 32 bytes at most; nil for anything else.
    var word: String? {
        guard (1...32).contains(bytes.count) else { return nil }
        var text = ""
        for byte in bytes {
            let lower = ASCII.lowercased(byte)
            guard lower &- UInt8(ascii: "a") < 26 || lower &- UInt8(ascii: "0") < 10 || lower == UInt8(ascii: "_") else {
                return nil
            }
            text.unicodeScalars.append(Unicode.Scalar(lower))
        }
        return text
    }
}
