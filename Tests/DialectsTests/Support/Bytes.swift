import Basics
import Foundation
import Testing

@testable import Dialects

/// Runs `body` over the UTF-8 of `text`.
func withBytes<R>(_ text: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    try Array(text.utf8).withUnsafeBytes(body)
}

/// `bytes` as text, for comparisons that can be read.
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// The shared data folder: beside the package, or where the environment says; nil when it is not there.
func sharedData(_ path: String) -> URL? {
    let root: URL
    if let named = ProcessInfo.processInfo.environment["PROXYD_SHARED"] {
        root = URL(fileURLWithPath: named)
    } else {
        // This file is Tests/DialectsTests/Support/Bytes.swift of the package.
        root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("shared")
    }
    let folder = root.appendingPathComponent("data").appendingPathComponent(path)
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
}

/// How a byte stream may arrive.
enum Cut: CustomStringConvertible, CaseIterable {
    case whole, bytewise, random, crlf, cr, crlfBytewise, crRandom

    var description: String {
        switch self {
        case .whole: "whole"
        case .bytewise: "byte by byte"
        case .random: "cut at random"
        case .crlf: "CRLF"
        case .cr: "CR"
        case .crlfBytewise: "CRLF, byte by byte"
        case .crRandom: "CR, cut at random"
        }
    }

    /// The pieces that `stream` (LF line ends) comes in.
    func pieces(of stream: String, seed: UInt64 = 7) -> [[UInt8]] {
        switch self {
        case .whole: return [Array(stream.utf8)]
        case .bytewise: return stream.utf8.map { [$0] }
        case .random: return Self.cut(Array(stream.utf8), seed: seed)
        case .crlf: return [Array(stream.replacingOccurrences(of: "\n", with: "\r\n").utf8)]
        case .cr: return [Array(stream.replacingOccurrences(of: "\n", with: "\r").utf8)]
        case .crlfBytewise: return stream.replacingOccurrences(of: "\n", with: "\r\n").utf8.map { [$0] }
        case .crRandom: return Self.cut(Array(stream.replacingOccurrences(of: "\n", with: "\r").utf8), seed: seed)
        }
    }

    private static func cut(_ bytes: [UInt8], seed: UInt64) -> [[UInt8]] {
        var generator = SplitMix64(state: seed)
        var pieces: [[UInt8]] = []
        var start = 0
        while start < bytes.count {
            let end = Swift.min(bytes.count, start + Int.random(in: 1...40, using: &generator))
            pieces.append(Array(bytes[start..<end]))
            start = end
        }
        return pieces
    }
}
