import Synchronization

/// The memory that whole responses may take beside what each has for itself (`RelayLimits.shortBytes`), from where they are long
/// until their clients have read them.
///
/// All share it, so that many clients that do not read cost no more than it. Who finds no room in it is not held to its end: it goes
/// out as it comes, and no copy of it is kept.
final class ResponseRoom: Sendable {
    static let size = 32 << 20

    private let taken = Atomic(0)

    /// Whether more is taken than there is: what is converted is taken whole, and may wait for a client that does not read.
    var isOverfull: Bool { taken.load(ordering: .relaxed) > Self.size }

    /// What one response, or one client's connection, has of the room; it goes back with the place.
    final class Place {
        private let room: ResponseRoom
        private var bytes = 0

        init(_ room: ResponseRoom) {
            self.room = room
        }

        deinit { room.taken.wrappingSubtract(bytes, ordering: .relaxed) }

        /// Asks for as much as a buffer takes that holds `count` bytes. False: there is no room for it, and the place stays as it is.
        func grow(toHold count: Int) -> Bool {
            guard count > bytes else { return true }
            // Buffers double as they grow.
            let wanted = count.leadingZeroBitCount > 1 ? 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount) : count
            let more = wanted - bytes
            guard room.taken.wrappingAdd(more, ordering: .relaxed).newValue <= ResponseRoom.size else {
                room.taken.wrappingSubtract(more, ordering: .relaxed)
                return false
            }
            bytes = wanted
            return true
        }

        /// What is there already counts, whether there is room for it or not.
        func set(_ count: Int) {
            room.taken.wrappingAdd(count - bytes, ordering: .relaxed)
            bytes = count
        }
    }
}

@available(*, unavailable)
extension ResponseRoom.Place: Sendable {}
