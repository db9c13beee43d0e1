import Basics
import Crypto

/// What Redis calls scripts by.
enum SHA1Digest {
    static func hex(_ bytes: [UInt8]) -> [UInt8] { Array(Hex.text(Insecure.SHA1.hash(data: bytes)).utf8) }
}
