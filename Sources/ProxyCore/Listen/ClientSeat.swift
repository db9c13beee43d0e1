import NIOCore

/// What a connection holds of its listener's slots, and what it has shown for it.
struct ClientSeat {
    private let slots: ConnectionSlots
    private var slot: ConnectionSlot?
    /// Whether it is let in beyond `limits.connections`, to be told so.
    private(set) var isGuest = false
    /// Whether it has shown a valid key.
    private(set) var isAcquainted = false

    /// Whether it keeps more of a body than a stranger does.
    private var holdsLongBody = false

    /// What waits here for a client that does not read, among what all long responses take.
    private var place: ResponseRoom.Place?

    init(_ slots: ConnectionSlots) {
        self.slots = slots
    }

    /// The connection is kept. False: there is not even room to say what it wants.
    mutating func take(for channel: any Channel, _ loop: LoopContext) -> Bool {
        let slot = ConnectionSlot(channel: channel, idleSince: loop.idleMark())
        let limit = Self.limit(loop)
        let (admission, evicted) = slots.enter(slot, limit: limit)
        if evicted > 0 { loop.shared.connectionEvents.evicted(evicted, limit: limit) }
        switch admission {
        case .slot: self.slot = slot
        case .guest:
            self.slot = slot
            isGuest = true
        case .refused:
            loop.shared.connectionEvents.refused(limit: limit)
            return false
        }
        return true
    }

    /// A guest has a request, and takes a slot if by now there is one.
    mutating func promote(_ loop: LoopContext) {
        guard isGuest else { return }
        takeSlot(loop, owner: nil)
    }

    /// It is known who the guest is, and that is the last it can show.
    mutating func promote(_ loop: LoopContext, key: ClientKey?) {
        guard isGuest else { return }
        if let key { takeSlot(loop, owner: Self.owner(key)) }
        if isGuest { loop.shared.connectionEvents.refused(limit: Self.limit(loop)) }
    }

    private mutating func takeSlot(_ loop: LoopContext, owner: UInt64?) {
        guard let slot else { return }
        let limit = Self.limit(loop)
        let (isIn, evicted) = slots.promote(slot, limit: limit, owner: owner)
        if evicted > 0 { loop.shared.connectionEvents.evicted(evicted, limit: limit) }
        if isIn { isGuest = false }
    }

    mutating func showed(_ key: ClientKey) {
        guard !isAcquainted, let slot else { return }
        isAcquainted = true
        slots.acquaint(slot, owner: Self.owner(key))
    }

    /// Never that of somebody without a key.
    private static func owner(_ key: ClientKey) -> UInt64 { UInt64(bitPattern: Int64(key.id.hashValue)) | 1 }

    /// False: another connection has the slot now. Mutating, as what follows: else all of the seat is copied for the call.
    mutating func beginWork() -> Bool { slot?.beginWork() ?? true }

    mutating func becomeIdle(_ loop: LoopContext) { slot?.becomeIdle(loop.idleMark()) }

    mutating func awaitBody(_ loop: LoopContext) { slot?.awaitBody(loop.idleMark()) }

    /// A stranger's body grows long. False: too many others' do.
    mutating func takeLongBody() -> Bool {
        if !holdsLongBody { holdsLongBody = slots.takeLongBody() }
        return holdsLongBody
    }

    mutating func leaveLongBody() {
        guard holdsLongBody else { return }
        holdsLongBody = false
        slots.leaveLongBody()
    }

    /// How much of a next request may wait while a response is on its way.
    var waitingBytes: Int { isAcquainted ? ClientLimits.waitingBytes : ClientLimits.strangersBytes }

    /// - Parameter count: bytes that the client has not read, and the kernel not taken.
    mutating func unread(_ count: Int, _ loop: LoopContext) {
        guard count > RelayLimits.shortBytes else { return place = nil }
        let place = place ?? ResponseRoom.Place(loop.shared.clients.responses)
        self.place = place
        place.set(count)
    }

    /// How long it is waited for at most, whatever the configuration says.
    func patience(_ loop: LoopContext) -> TimeAmount {
        if isGuest { return ClientLimits.guestTimeout }
        return place != nil && loop.shared.clients.responses.isOverfull ? ClientLimits.stalledTimeout : .nanoseconds(.max)
    }

    mutating func leave() {
        leaveLongBody()
        place = nil
        if let slot { slots.leave(slot) }
        slot = nil
    }

    private static func limit(_ loop: LoopContext) -> Int { loop.view.snapshot.configuration.limits.connections }
}

@available(*, unavailable)
extension ClientSeat: Sendable {}
