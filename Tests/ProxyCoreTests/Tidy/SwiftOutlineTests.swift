import Testing

/// The scanner that the rules of form rely on.
@Suite struct SwiftOutlineTests {
    private static func stored(_ text: String) -> [String] { SwiftOutline(text).types.flatMap(\.stored) }

    @Test(
        "What a type stores",
        arguments: [
            ("struct A { let a: Int; var b = 1 }", ["a", "b"]),
            ("struct A {\n let a: Int\n var b: [String: (Int, Int)] = [:]\n}", ["a", "b"]),
            ("class A { var a, b: Int\n var c = 0, d = 1 }", ["a", "b", "c", "d"]),
            ("struct A { var a: Int { 1 }\n var b: Int {\n get { 1 }\n set {}\n }\n let c: Int }", ["c"]),
            ("struct A { var a = 1 { didSet { x() } }\n var b: Int { willSet {} } }", ["a", "b"]),
            ("struct A { static let a = 1\n private static var b: Int = 2\n class var c: Int { 1 }\n let d: Int }", ["d"]),
            (
                "final class A { let f: () -> Void = { let x = 1; _ = x }\n lazy var g: Int = { 2 }()\n weak var h: A? }",
                ["f", "g", "h"]
            ),
            ("struct A { private(set) var a: Result<Int, any Error>?\n @Wrapped(by: 1) public var b: Int }", ["a", "b"]),
            ("enum A { case b, c(Int)\n static let d = 1\n var e: Int { switch self { case let .c(x): x; case .b: 0 } } }", []),
            ("struct A { let a =\n 1\n let b: Int\n = 2 }", ["a", "b"]),
            ("struct A { func f() { let x = 1; if let y = x { var z = y } }\n let a: Int }", ["a"]),
            ("struct A { init(_ x: Int = { let y = 1; return y }()) { let z = x }\n let a: Int }", ["a"]),
            (
                "struct A { /* let a: Int */ // let b: Int\n let c = \"let d: Int }\"\n let e = \"\\(f { let g = 1 })\" }",
                ["c", "e"]
            ),
            ("struct A { struct B { let b: Int }\n let a: Int }", ["a", "b"]),
            ("extension A { var a: Int { 1 } }\nprotocol P { var a: Int { get }\n func f()\n init() }", []),
            (
                "struct A<T: B>: C where T.D == Int { let a: T\n let b = [1, 2,\n 3]\n let c = x\n .y { let z = 1; return z } }",
                ["a", "b", "c"]
            ),
            ("struct A { let a = #\"}\"#\n let b = \"\"\"\n }\n let x: Int\n \"\"\"\n let c: Int }", ["a", "b", "c"]),
        ])
    func properties(_ text: String, _ names: [String]) {
        #expect(Set(Self.stored(text)) == Set(names))
        #expect(Self.stored(text).count == names.count)
    }

    @Test(
        "How long functions are",
        arguments: [
            ("func f() { 1 }", ["f 0"]), ("func f() {\n 1\n}", ["f 1"]), ("func f() {\n 1\n 2\n }", ["f 2"]),
            ("struct A {\n init?(a: Int) throws {\n\n\n }\n deinit { x() }\n}", ["init 2", "deinit 0"]),
            ("struct A {\n var b: Int {\n 1\n }\n var c: Int = {\n 1\n }()\n}", ["b 1"]),
            ("func f(_ x: () -> Void = {\n 1\n }) {\n 1\n}", ["f 1"]),
            ("func f() {\n let x = A.init(1)\n self.init()\n if let y {\n 1\n }\n}", ["f 5"]),
            ("func f() {\n func g() {\n 1\n }\n}", ["g 1", "f 3"]),
            ("protocol P {\n func f()\n var x: Int { get }\n}\nfunc h() {\n}", ["x 0", "h 0"]),
            ("func f() {\n let s = \"}\"\n // }\n}", ["f 2"]),
            (
                "enum A {\n case x\n static func == (a: A, b: A) -> Bool {\n true\n }\n subscript(i: Int) -> Int {\n i\n }\n}",
                ["operator 1", "subscript 1"]
            ),
        ])
    func lengths(_ text: String, _ lengths: [String]) {
        #expect(SwiftOutline(text).functions.map { "\($0.name) \($0.length)" } == lengths)
    }

    @Test(
        "What literals hold",
        arguments: [
            (#"let a = "x\r\n" + "y""#, [#"x\r\n"#, "y"]), (#"f("a\(b("c"))d")"#, ["ad", "c"]),
            (##"let a = #"\r"b"#"##, [#"\r"b"#]),
            ("let a = \"\"\"\n x \"y\"\n \"\"\"", ["\n x \"y\"\n "]), (#"// "a""# + "\n" + #"/* "b" /* "c" */ */ "d""#, ["d"]),
            (#""a\"b""#, [#"a\"b"#]), (##"#"a\#(b("c"))d\(e)"#"##, [#"ad\(e)"#, "c"]),
        ])
    func literals(_ text: String, _ literals: [String]) {
        let found = SwiftTokens(text).tokens.compactMap { if case .literal(let content) = $0.kind { content } else { nil } }
        #expect(found == literals)
    }
}
