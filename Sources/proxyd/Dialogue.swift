import Foundation

/// Questions on a terminal, or to a pipe that holds the answers. An empty answer, and no answer, is the usual one.
struct Dialogue {
    let isAsking: Bool
    var isAtTerminal: Bool { isatty(STDIN_FILENO) == 1 }

    func ask(_ question: String, usually usual: String) -> String {
        guard isAsking else { return usual }
        put(usual.isEmpty ? question : "\(question) [\(usual)]")
        let answer = (readLine(strippingNewline: true) ?? "").trimmingCharacters(in: .whitespaces)
        return answer.isEmpty ? usual : answer
    }

    /// The answer stands behind the question on a terminal alone; of a pipe's each question has a line.
    private func put(_ question: String) { Terminal.error(question + (isAtTerminal ? " " : "\n")) }

    /// What is typed is not shown. nil: nothing was.
    func askSecret(_ question: String, usually usual: String) -> String? {
        guard isAsking else { return nil }
        put("\(question) [\(usual)]")
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else { return readLine(strippingNewline: true) }
        var quiet = settings
        quiet.c_lflag &= ~tcflag_t(ECHO | ISIG)
        // An interrupt ends the line, so that the terminal is left as it was found.
        withUnsafeMutableBytes(of: &quiet.c_cc) { $0[Int(VEOL)] = 3 }
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet)
        // Byte by byte: what reads lines would wait for more after an interrupt.
        var (answer, byte) = ([UInt8](), UInt8(0))
        while read(STDIN_FILENO, &byte, 1) == 1, byte != UInt8(ascii: "\n"), byte != 3 { answer.append(byte) }
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
        Terminal.error("\n")
        if byte == 3 { exit(130) }
        return String(decoding: answer, as: UTF8.self)
    }
}
