import Testing

@testable import ProxyCore

/// Where accounts stand beside one another with what they are doing.
struct LoadBoardTests {
    private final class Loop {}

    @Test func `a place goes to another account when no request that was counted there is left, and is empty then`() {
        let board = LoadBoard()
        let loop = Loop()
        var first: AccountLoad? = AccountLoad(on: board)
        let index = first?.place.index
        let cell = first?.cell(of: loop)
        cell?.enter()
        cell?.succeed(firstByte: 900, now: 0)
        // The file no longer has the account, and a request to it runs still.
        first = nil
        let second = AccountLoad(on: board)
        #expect(second.place.index != index && second.inFlight == 0)
        cell?.leave()
        #expect(second.inFlight == 0)
    }

    @Test func `a place that came back is somebody's anew, without what was`() {
        let board = LoadBoard()
        let loop = Loop()
        var places: [Int] = []
        for _ in 0..<3 {
            let load = AccountLoad(on: board)
            #expect(load.inFlight == 0 && load.firstByteMilliseconds(now: 1) == nil && !load.hasServed(within: 60_000, now: 1))
            load.cell(of: loop).enter()
            load.cell(of: loop).succeed(firstByte: 900, now: 0)
            #expect(load.inFlight == 1 && load.firstByteMilliseconds(now: 1) == 900 && load.hasServed(within: 60_000, now: 1))
            places.append(load.place.index)
        }
        #expect(Set(places).count == 1)
    }

    @Test func `more accounts than a page has, and more loops than rows, are each counted apart`() {
        let board = LoadBoard()
        let loads = (0..<200).map { _ in AccountLoad(on: board) }
        let loops = (0..<11).map { _ in Loop() }
        for (number, load) in loads.enumerated() {
            for loop in loops.prefix(number % 12) { load.cell(of: loop).enter() }
        }
        #expect(loads.enumerated().allSatisfy { $0.element.inFlight == $0.offset % 12 })
        var counts = [Int32](repeating: 0, count: loads.count)
        for page in Set(loads.map { ObjectIdentifier($0.place.page) }) {
            let here = loads.indices.filter { ObjectIdentifier(loads[$0].place.page) == page }
            #expect(here.count <= LoadPage.width)
            let positions = here.map { LoadPlace.Position(account: $0, index: loads[$0].place.index) }
            loads[here[0]].place.page.addInFlight(of: positions, to: &counts)
        }
        #expect(counts == loads.indices.map { Int32($0 % 12) })
    }
}
