import Basics
import Dialects
import HTTP1

extension JSONMember {
    /// Whether this member is called `text`, which is in lower case, in any letters: readers that ignore case take it for that.
    func names(_ text: StaticString, in bytes: UnsafeRawBufferPointer) -> Bool {
        if isKeyEscaped {
            return keyString(in: bytes).lowercased() == "\(text)"
        }
        guard key.count == text.utf8CodeUnitCount, key.upperBound <= bytes.count else { return false }
        return equalsIgnoringCase(UnsafeRawBufferPointer(rebasing: bytes[key]), text)
    }
}
