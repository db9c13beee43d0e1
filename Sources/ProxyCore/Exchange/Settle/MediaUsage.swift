import Basics
import Dialects

/// What a response comes to that is no token: images that were made, audio that was heard. As far as the response tells it.
public struct MediaUsage: Sendable, Hashable {
    public var images = 0
    public var audioMilliseconds = 0

    public init(images: Int = 0, audioMilliseconds: Int = 0) {
        self.images = images
        self.audioMilliseconds = audioMilliseconds
    }
}

extension MediaUsage {
    /// Reads a whole body of OpenAI's images and audio, and of Gemini's `:predict`.
    ///
    /// Images are `data[]` (platform.openai.com/docs/api-reference/images) or `predictions[]`; the length of audio is `duration` of a
    /// verbose transcription, or `usage.seconds` where it is billed by the minute (…/audio/createTranscription). November 2026.
    init(in body: UnsafeRawBufferPointer, path: String) {
        self.init()
        guard let kind = Kind(path) else { return }
        var members: [JSONMember] = []
        guard (try? JSONScan.outline(of: body, into: &members)) != nil else { return }
        for member in members {
            switch kind {
            case .images:
                if member.kind == .array, member.key(equals: "data", in: body) || member.key(equals: "predictions", in: body) {
                    images = Self.count(of: member, in: body)
                }
            case .audio:
                if member.key(equals: "duration", in: body) {
                    audioMilliseconds = max(audioMilliseconds, Self.milliseconds(of: member, in: body))
                } else if member.kind == .object, member.key(equals: "usage", in: body) {
                    var inner: [JSONMember] = []
                    guard (try? JSONScan.members(of: body, in: member.value, into: &inner)) != nil else { continue }
                    for one in inner where one.key(equals: "seconds", in: body) {
                        audioMilliseconds = max(audioMilliseconds, Self.milliseconds(of: one, in: body))
                    }
                }
            }
        }
    }

    private enum Kind {
        case images, audio

        init?(_ path: String) {
            if path.hasPrefix("/v1/images/") || path.hasSuffix(":predict") {
                self = .images
            } else if path.hasPrefix("/v1/audio/trans") {
                self = .audio
            } else {
                return nil
            }
        }
    }

    private static func count(of member: JSONMember, in body: UnsafeRawBufferPointer) -> Int {
        var elements: [JSONElement] = []
        guard (try? JSONScan.elements(of: body, in: member.value, into: &elements)) != nil else { return 0 }
        return elements.count
    }

    /// Some write the number as a text.
    private static func milliseconds(of member: JSONMember, in body: UnsafeRawBufferPointer) -> Int {
        let text: String? =
            switch member.kind {
            case .number: String(validating: body[member.value], as: UTF8.self)
            case .string: JSONScan.string(of: body, in: member.value)
            case .true, .false, .null, .object, .array: nil
            }
        guard let text, text.utf8.count <= 32, let seconds = Double(text), seconds > 0, seconds < 1e12 else { return 0 }
        return Int(seconds * 1000)
    }
}
