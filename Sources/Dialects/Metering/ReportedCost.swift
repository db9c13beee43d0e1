import Basics

/// What an upstream says in a usage object that the response cost: OpenRouter's `cost` and LiteLLM's, in dollars; Perplexity's
/// `cost.total_cost`; xAI's `cost_in_usd_ticks`, of which a dollar has ten thousand millions.
struct ReportedCost: Equatable {
    let nanoDollars: Int

    /// A number of a usage object.
    init?(_ bytes: UnsafeRawBufferPointer, _ member: JSONMember) {
        let key = bytes.slice(member.key)
        guard key.starts("cost") else { return nil }
        if key.equals("cost") {
            self.init(dollars: bytes.slice(member.value))
        } else if key.equals("cost_in_usd_ticks"), let ticks = JSONScan.integer(of: bytes, in: member.value), ticks >= 0,
            ticks <= 10_000_000_000_000_000
        {
            self.init(nanoDollars: ticks / 10)
        } else {
            return nil
        }
    }

    /// What OpenRouter says in a usage object that the provider took for an answer with a key of one's own there.
    init?(ofProvider bytes: UnsafeRawBufferPointer, _ member: JSONMember) {
        guard bytes.slice(member.key).equals("cost_details"),
            let told = JSONScan.find("upstream_inference_cost", of: bytes, in: member.value), told.kind == .number
        else { return nil }
        self.init(dollars: bytes.slice(told.value))
    }

    /// An object inside a usage object.
    init?(in bytes: UnsafeRawBufferPointer, _ member: JSONMember) {
        guard bytes.slice(member.key).equals("cost"), let total = JSONScan.find("total_cost", of: bytes, in: member.value),
            total.kind == .number
        else { return nil }
        self.init(dollars: bytes.slice(total.value))
    }

    /// Up to a million dollars; nil for what is none.
    private init?(dollars: UnsafeRawBufferPointer) {
        guard dollars.count <= 64, let dollars = Double(String(decoding: dollars, as: UTF8.self)), dollars >= 0, dollars <= 1e6
        else { return nil }
        self.init(nanoDollars: Int((dollars * 1e9).rounded()))
    }

    private init(nanoDollars: Int) { self.nanoDollars = nanoDollars }
}
