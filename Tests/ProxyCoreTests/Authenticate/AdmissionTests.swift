import Dialects
import Testing

@testable import ProxyCore

/// Who is let in, and with which words others are not.
@Suite struct AdmissionTests {
    private static let policies = PolicyTable([
        "default": KeyPolicy(name: "default"),
        "near": policy("near", from: ["10.0.0.0/8", "::1"]),
    ])

    private static func policy(_ name: String, from ranges: [String]) -> KeyPolicy {
        var policy = KeyPolicy(name: name)
        policy.allowFrom = ranges.compactMap { AddressRange($0) }
        return policy
    }

    private static func key(policy: String) -> ClientKey {
        ClientKey(
            id: "key_1", name: "k", digest: KeyDigest(hashing: "sk-1"), masked: "...", policy: policy, created: 0, source: .admin)
    }

    @Test(
        arguments: [
            (.granted(key(policy: "default")), "127.0.0.1", nil),
            (.granted(key(policy: "default")), nil, nil),
            (.granted(key(policy: "near")), "10.1.2.3", nil),
            (.granted(key(policy: "near")), "::1", nil),
            (.granted(key(policy: "near")), "11.0.0.1", "permission: the API key may not be used from this address"),
            // Where the address is not known, a policy that asks for one has nothing to go by.
            (.granted(key(policy: "near")), nil, "permission: the API key may not be used from this address"),
            (.granted(key(policy: "gone")), "10.1.2.3", "permission: the API key's policy is not configured"),
            (.unknown, "10.1.2.3", "authentication: the API key is not known"),
            (.disabled(key(policy: "default")), "10.1.2.3", "permission: the API key is disabled"),
            (.disabled(key(policy: "gone")), "11.0.0.1", "permission: the API key is disabled"),
            (.expired(key(policy: "default")), "10.1.2.3", "permission: the API key has expired"),
        ] as [(Authentication, String?, String?)])
    func aKeyIsLetInOrToldWhyNot(_ authentication: Authentication, _ address: String?, _ refusal: String?) {
        do throws(Admission.Refused) {
            let caller = try Admission.admit(
                authentication, policy: { Self.policies[$0.policy] }, address: address.flatMap { AddressRange.Address($0) })
            #expect(refusal == nil)
            #expect(caller.key == authentication.key)
            #expect(caller.policy != nil)
        } catch {
            #expect("\(error.reply.errorClass): \(error.reply.message)" == refusal)
            #expect(error.reply.stage == .authenticate)
            #expect(error.key == authentication.key)
        }
    }

    @Test func aRequestWithoutAKeyIsToldWhereToPutIt() {
        #expect(Admission.noKey.reply.errorClass == .authentication)
        #expect(Admission.noKey.reply.message == "no API key was given: send it as x-api-key or Authorization: Bearer")
        #expect(Admission.noKey.key == nil)
    }
}
