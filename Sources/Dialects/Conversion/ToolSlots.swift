/// Puts parallel tool calls, which OpenAI's streams may interleave, one after the other (conversion.md 6.3).
///
/// Exactly one call is live and shown as it comes; the others wait. A live call ends when its arguments are a whole JSON value and
/// another one has something to say, or when the response ends.
struct ToolSlots: Sendable {
    private struct Slot: Sendable {
        var key: Int
        var id: [UInt8] = []
        var name: [UInt8] = []
        /// The vendor's signature on the call, escaped.
        var signature: [UInt8] = []
        /// Arguments that were not shown yet, escaped.
        var waiting: [UInt8] = []
        var balance = JSONBalance()
        var isClosed = false
        /// The upstream said that it is over.
        var isEnded = false
        var hasArguments = false
        /// All that came is `{}`, which some servers begin with before the arguments come: it is shown when nothing else does.
        var isPlaceholder = false
        /// They begin as an object does: no free text.
        var isObject = false

        var canStart: Bool { !id.isEmpty && !name.isEmpty }
        /// Nothing more is to come of it.
        var isWhole: Bool { isEnded || (balance.isComplete && !isPlaceholder) }

        /// Adds to its name: what says all of it so far again, or more, is no piece.
        mutating func goOn(_ piece: RawText) {
            guard !piece.isEmpty, !piece.elementsEqual(name) else { return }
            name = piece.starts(with: name) ? Array(piece) : name + Array(piece)
        }

        /// Adds to its arguments. False: the object was whole, and some servers end a call by saying all of it again.
        mutating func add(_ arguments: RawText) -> Bool {
            if isPlaceholder {
                isPlaceholder = false
                balance = JSONBalance()
            } else if balance.isComplete, isObject, arguments.first == 0x7B {
                return false
            } else if !hasArguments, arguments.equals("{}") {
                isPlaceholder = true
            }
            if !hasArguments { isObject = arguments.first == 0x7B }
            hasArguments = true
            balance.feed(arguments)
            return true
        }
    }

    private var slots: [Slot] = []
    private var live: Int?
    /// The call whose name may go on in the next fragment: nothing has come of its arguments, nor behind it.
    private var naming: Int?
    /// Some servers tell a call's name in pieces: it is shown when its arguments begin, or something else does.
    var joinsNames = false
    /// The first slot that may still wait.
    private var firstOpen = 0

    var isEmpty: Bool { slots.isEmpty }

    /// Whether a call is shown whose arguments are not whole yet.
    var isBusy: Bool { live.map { !slots[$0].isWhole } ?? false }

    /// Whether some call's arguments are complete JSON: evidence of a finished response.
    var hasCompleteCall: Bool { slots.contains { $0.balance.isComplete } }

    /// Whether arguments of the call with this id have come.
    func hasArguments(_ id: RawText) -> Bool { slots.contains { $0.hasArguments && id.elementsEqual($0.id) } }

    /// Takes one fragment. `index` is the upstream's, where it has one; `isAnother`: it stands in a list behind one that had that
    /// index already.
    mutating func take(
        index: Int?, id: RawText, name: RawText, arguments: RawText, isAnother: Bool = false,
        signature: RawText = RawText(start: nil, count: 0), to events: inout some ResponseEvents
    ) {
        // Mistral's streams have said so of calls without one.
        let id = id.equals("null") ? RawText(start: nil, count: 0) : id
        guard let place = slot(index, id, name, arguments, isAnother) else { return }
        // What has an id that the call has not is another one, with whatever place.
        if naming != place || !(id.isEmpty || id.elementsEqual(slots[place].id)) { naming = nil }
        if slots[place].id.isEmpty { slots[place].id = Array(id) }
        if slots[place].name.isEmpty {
            slots[place].name = Array(name)
        } else if naming != nil {
            slots[place].goOn(name)
        }
        if !signature.isEmpty { slots[place].signature = Array(signature) }
        if slots[place].isClosed { return }
        var arguments = arguments
        if !arguments.isEmpty {
            guard slots[place].add(arguments) else { return }
            if slots[place].isPlaceholder { arguments = RawText(start: nil, count: 0) }
        }
        if live == place {
            events.toolArguments(arguments)
            return
        }
        slots[place].waiting.append(contentsOf: arguments)
        if joinsNames { naming = slots[place].hasArguments ? nil : place }
        if let current = live {
            guard slots[current].isWhole else { return }
            closeLive(&events)
        }
        startNext(&events)
    }

    /// What is no part of a call comes: the name of the last one is whole.
    mutating func settleName(_ events: inout some ResponseEvents) {
        guard naming != nil else { return }
        naming = nil
        startNext(&events)
    }

    /// Ends the live call if its arguments are whole, for text that comes after it.
    mutating func yieldToText(_ events: inout some ResponseEvents) {
        settleName(&events)
        guard let current = live, slots[current].isWhole else { return }
        closeLive(&events)
    }

    /// The upstream says that a call is over, whatever its arguments are.
    mutating func end(_ index: Int, _ events: inout some ResponseEvents) {
        guard let place = slots.lastIndex(where: { $0.key == index && !$0.isClosed }) else { return }
        slots[place].isEnded = true
        while let current = live, slots[current].isEnded {
            closeLive(&events)
            startNext(&events)
        }
    }

    /// The response ends: shows everything that waited, in the order of the slots. When the response was cut off, the last call
    /// is left open: its end never came.
    mutating func flush(_ events: inout some ResponseEvents, isCut: Bool = false) {
        // The order is the upstream's index; where a server gives all calls the same one, it is the order they came in.
        let waiting = slots.indices.filter { !slots[$0].isClosed && $0 != live }
        for place in waiting.sorted(by: { (slots[$0].key, $0) < (slots[$1].key, $1) }) {
            guard slots[place].canStart || slots[place].hasArguments || !slots[place].name.isEmpty else { continue }
            closeLive(&events)
            start(place, &events)
        }
        if isCut, let current = live, !slots[current].balance.isComplete { return }
        closeLive(&events)
    }

    private mutating func slot(
        _ index: Int?, _ id: RawText, _ name: RawText, _ arguments: RawText, _ isAnother: Bool
    ) -> Int? {
        let found: Int?
        if let index {
            found = slots.lastIndex { $0.key == index }
        } else if !id.isEmpty {
            found = slots.lastIndex { id.elementsEqual($0.id) } ?? (name.isEmpty ? slots.indices.last : nil)
        } else {
            found = slots.indices.last
        }
        if let found, !isNew(id, name, arguments, isAnother, behind: slots[found]) { return found }
        guard slots.count < 1_024 else { return nil }
        slots.append(Slot(key: index ?? slots.count))
        return slots.count - 1
    }

    /// Whether a fragment begins a call of its own though it has the place of another: servers that send index 0 for all.
    private func isNew(_ id: RawText, _ name: RawText, _ arguments: RawText, _ isAnother: Bool, behind slot: Slot) -> Bool {
        guard !name.isEmpty else { return false }
        if !id.isEmpty { return !slot.id.isEmpty && !id.elementsEqual(slot.id) }
        guard !slot.name.isEmpty else { return false }
        if isAnother { return true }
        // Some name the call again with each fragment of it.
        return name.elementsEqual(slot.name) ? slot.balance.isComplete && !arguments.isEmpty : slot.hasArguments
    }

    private mutating func start(_ place: Int, _ events: inout some ResponseEvents) {
        live = place
        let slot = slots[place]
        if !slot.signature.isEmpty { slot.signature.withUnsafeBytes { events.sign($0, .call) } }
        slot.id.withUnsafeBytes { id in slot.name.withUnsafeBytes { name in events.toolStart(id: id, name: name) } }
        slot.waiting.withUnsafeBytes { events.toolArguments($0) }
        slots[place].waiting = []
    }

    private mutating func startNext(_ events: inout some ResponseEvents) {
        while firstOpen < slots.count, slots[firstOpen].isClosed { firstOpen += 1 }
        guard live == nil else { return }
        let ready = (firstOpen..<slots.count).filter { !slots[$0].isClosed && slots[$0].canStart && $0 != naming }
        guard let next = ready.min(by: { (slots[$0].key, $0) < (slots[$1].key, $1) }) else { return }
        start(next, &events)
    }

    private mutating func closeLive(_ events: inout some ResponseEvents) {
        guard let current = live else { return }
        slots[current].isClosed = true
        live = nil
        if slots[current].isPlaceholder { [UInt8]("{}".utf8).withUnsafeBytes { events.toolArguments($0) } }
        events.toolEnd()
    }
}

/// Follows JSON text as it comes in pieces, escaped inside a string, and knows when a value is whole.
struct JSONBalance: Sendable {
    private var depth = 0
    private var isInString = false
    private var isEscaped = false
    private var hasStarted = false
    private(set) var isComplete = false

    mutating func feed(_ raw: RawText) {
        var index = 0
        while index < raw.count {
            var byte = raw[index]
            index &+= 1
            if byte == 0x5C, index < raw.count {
                byte = raw[index]
                index &+= 1
                switch byte {
                case 0x75:
                    let unit = JSONText.codeUnit(at: index &- 2, of: raw) ?? 0
                    byte = unit < 0x80 ? UInt8(truncatingIfNeeded: unit) : 0x78
                    index &+= 4
                case 0x6E, 0x74, 0x72: byte = 0x20
                case 0x62, 0x66: byte = 0x78
                default: break
                }
            }
            take(byte)
        }
    }

    private mutating func take(_ byte: UInt8) {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == 0x5C {
                isEscaped = true
            } else if byte == 0x22 {
                isInString = false
                if depth == 0 { isComplete = true }
            }
            return
        }
        switch byte {
        case 0x22:
            isInString = true
            hasStarted = true
        case 0x7B, 0x5B:
            depth &+= 1
            hasStarted = true
            isComplete = false
        case 0x7D, 0x5D:
            depth &-= 1
            if depth <= 0, hasStarted { isComplete = true }
        default: break
        }
    }
}
