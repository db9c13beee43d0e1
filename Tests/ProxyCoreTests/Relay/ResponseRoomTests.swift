import Testing

@testable import ProxyCore

struct ResponseRoomTests {
    private let room = ResponseRoom()

    @Test func `a place grows while there is room, and gives all of it back`() {
        let half = ResponseRoom.size / 2
        var first: ResponseRoom.Place? = ResponseRoom.Place(room)
        #expect(first?.grow(toHold: half) == true)
        let second = ResponseRoom.Place(room)
        #expect(second.grow(toHold: half))
        let third = ResponseRoom.Place(room)
        #expect(!third.grow(toHold: 1))
        // What it has stays with it.
        #expect(second.grow(toHold: half) && !second.grow(toHold: half + 1))
        first = nil
        #expect(third.grow(toHold: 1 << 20))
    }

    @Test func `what is asked for is what a buffer takes, which doubles`() {
        let all = ResponseRoom.Place(room)
        #expect(all.grow(toHold: ResponseRoom.size / 2 + 1))
        #expect(!ResponseRoom.Place(room).grow(toHold: 1))
    }

    @Test func `what is there already counts, whether there was room for it or not`() {
        let reader = ResponseRoom.Place(room)
        reader.set(2 * ResponseRoom.size)
        let other = ResponseRoom.Place(room)
        #expect(!other.grow(toHold: 1) && room.isOverfull)
        reader.set(0)
        #expect(!room.isOverfull)
        #expect(other.grow(toHold: 1))
    }
}
