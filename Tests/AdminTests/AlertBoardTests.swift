import Dialects
import Foundation
import ProxyCore
import Testing

@testable import Admin

@Suite struct AlertBoardTests {
    private static func alert(_ name: String, _ severity: Alert.Severity = .warning, text: String? = nil) -> Alert {
        Alert(
            kind: .accountOut, subject: [name], severity: severity, text: text ?? "\(name) is out", ending: "\(name) is back",
            labels: [("account", name)])
    }

    private static func told(_ messages: [AlertBoard.Message]) -> [String] {
        messages.map { "\($0.at) \($0.change == .begins ? $0.alert.text : $0.alert.ending)" }
    }

    @Test func eachAlertIsToldOnceWhenItBeginsAndOnceWhenItIsOver() {
        var board = AlertBoard()
        let (a, b) = (Self.alert("a"), Self.alert("b"))
        #expect(Self.told(board.update([], to: .present, now: 1)).isEmpty)
        #expect(Self.told(board.update([a], to: .present, now: 2)) == ["2 a is out"])
        #expect(Self.told(board.update([a], to: .present, now: 3)).isEmpty)
        // That its words change is no news.
        let other = Self.alert("a", text: "a is out for another reason")
        #expect(Self.told(board.update([other, b], to: .present, now: 4)) == ["4 b is out"])
        #expect(board.active.map { "\($0.since) \($0.alert.text)" } == ["2 a is out for another reason", "4 b is out"])
        #expect(Self.told(board.update([b], to: .present, now: 5)) == ["5 a is back"])
        #expect(Self.told(board.update([], to: .present, now: 6)) == ["6 b is back"])
        #expect(Self.told(board.update([a], to: .present, now: 7)) == ["7 a is out"])
    }

    @Test func whatComesToBeCriticalIsToldOnceMore() {
        var board = AlertBoard()
        let (mild, worse) = (Self.alert("a"), Self.alert("a", .critical, text: "a is lost"))
        #expect(Self.told(board.update([mild], to: .present, now: 1)) == ["1 a is out"])
        #expect(Self.told(board.update([worse], to: .present, now: 2)) == ["2 a is lost"])
        for now in 3...5 { #expect(board.update([now == 4 ? mild : worse], to: .present, now: now).isEmpty) }
        #expect(Self.told(board.update([], to: .present, now: 6)) == ["6 a is back"])
    }

    @Test func anEndHasTheLabelsThatWereTold() {
        var board = AlertBoard()
        func alert(_ window: String) -> Alert {
            Alert(
                kind: .accountOut, subject: ["a"], severity: .warning, text: "a is out", ending: "a is back",
                labels: [("account", "a"), ("window", window)])
        }
        #expect(board.update([alert("5h")], to: .present, now: 1).count == 1)
        #expect(board.update([alert("7d")], to: .present, now: 2).isEmpty)
        let over = board.update([], to: .present, now: 3)
        #expect(over.map { $0.alert.labels.map { $0.1 } } == [["a", "5h"]])
    }

    @Test func whatIsGoneIsNotToldToBeBack() {
        var board = AlertBoard()
        let (a, b) = (Self.alert("a"), Self.alert("b"))
        #expect(board.update([a, b], to: .present, now: 1).count == 2)
        let over = board.update([], to: .present, now: 2) { $0.subject == ["a"] ? "a is gone" : nil }
        #expect(Self.told(over) == ["2 a is gone", "2 b is back"])
    }

    @Test func whatNobodyWasToldOfHasNoEndAndIsToldWhenSomebodyIsThere() {
        var board = AlertBoard()
        let a = Self.alert("a")
        #expect(board.update([a], to: .absent, now: 1).isEmpty)
        #expect(board.active.count == 1)
        #expect(board.update([], to: .present, now: 2).isEmpty)
        #expect(board.update([a], to: .absent, now: 3).isEmpty)
        #expect(Self.told(board.update([a], to: .present, now: 4)) == ["4 a is out"])
        #expect(board.since(a.id) == 3)
    }

    @Test func noMoreAreHeldThanThereIsRoomForAndThoseThatHeldStay() {
        var board = AlertBoard()
        let many = (0..<AlertBoard.most + 5).map { Self.alert("\($0)") }
        #expect(board.update(many, to: .present, now: 1).count == AlertBoard.most)
        #expect(board.untold == 5)
        #expect(board.update(many.reversed(), to: .present, now: 2).isEmpty)
        #expect(Self.told(board.update(Array(many.dropFirst()), to: .present, now: 3)) == ["3 0 is back", "3 1000 is out"])
    }

    @Test(
        arguments: [
            (
                Configuration.Alerts.Format.generic, AlertBoard.Message.Change.begins,
                #"{"alert":"account_out","severity":"critical","text":"a<b & \"c\"","at":"1970-01-01T00:01:00+00:00","#
                    + #""labels":{"account":"a"}}"#
            ),
            (
                .generic, .ends,
                #"{"alert":"account_out","severity":"resolved","text":"a is back","at":"1970-01-01T00:01:00+00:00","#
                    + #""labels":{"account":"a"}}"#
            ),
            (.slack, .begins, #"{"text":"[critical] proxyd: a&lt;b &amp; \"c\""}"#),
            (.slack, .ends, #"{"text":"[resolved] proxyd: a is back"}"#),
            (.lark, .begins, #"{"msg_type":"text","content":{"text":"[critical] proxyd: a<b & \"c\""}}"#),
        ])
    func aMessageHasTheShapeOfItsFormat(
        _ format: Configuration.Alerts.Format, _ change: AlertBoard.Message.Change, _ body: String
    ) {
        let message = AlertBoard.Message(alert: Self.alert("a", .critical, text: "a<b & \"c\""), change: change, at: 60)
        #expect(String(decoding: message.body(format, ZonedTime(zone: .utc)), as: UTF8.self) == body)
    }

    @Test func larkRefusesWithACode() {
        let refused = AlertBoard.Message.refused(.lark)
        #expect(refused(Array(#"{"code":0,"msg":"success"}"#.utf8)) == 0)
        #expect(refused(Array(#"{"code":19024,"msg":"Key Words Not Found"}"#.utf8)) == 1)
        #expect(refused(Array("ok".utf8)) == 0)
    }
}
