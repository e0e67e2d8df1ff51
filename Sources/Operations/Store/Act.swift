internal import Formats
package import Ledger
package import Receivables

/// Who asks for an act, when, and how it is recognised if it is asked for again.
package struct ActRequest: Sendable {
    /// The command's name, as in the journal of acts: `import-invoices`.
    package let command: String
    package let actor: Actor
    /// Where it came from: `cli`, `web`, `api`, `day`, `demo`.
    package let source: String
    /// The idempotency key; `nil` for commands that are idempotent by their lines or occasions.
    package let key: String?
    /// What was asked for, in bytes: a key that comes again with other bytes is refused.
    package let input: [UInt8]
    /// Read once at the edge; decisions use it, the journal has its own instant.
    package let now: Instant
    /// The company's calendar day of `now`.
    package let today: LocalDate
    /// What a token narrows its holder to; `nil` narrows nothing.
    package var narrowedTo: Set<Permission>?
    /// What its sender is believed to be allowed; proven before anything is done. `nil` where it was asked for.
    package var belief: Belief?
    /// The number of the request that it came with, for the log; it enters no act.
    package var trace: String?

    package init(
        command: String, actor: Actor, source: String, key: String? = nil, input: [UInt8] = [], now: Instant,
        today: LocalDate
    ) {
        self.command = command
        self.actor = actor
        self.source = source
        self.key = key
        self.input = input
        self.now = now
        self.today = today
    }

    /// Keys of different actors don't meet.
    var scope: String { actor.name }
}

/// One act as it stands in the journal: its content, and the hash that links it to the one before.
struct ActRecord {
    var seq: Int64
    var recordedAt: Instant
    var command: String
    var actor: String
    var source: String
    var scope: String
    var key: String?
    var inputHash: [UInt8]
    var policyVersion: Int64?
    var firstFact: Int64
    var factCount: Int64
    var factsDigest: [UInt8]
    var outcome: String
    var appVersion: String
    var previousHash: [UInt8]

    /// The canonical bytes, stored once and never encoded again for anything but `verify`.
    var body: [UInt8] {
        var object = JSONObjectWriter(capacity: 700)
        object.add("v", 1)
        object.add("act", seq)
        object.add("recordedAt", recordedAt.microseconds)
        object.add("command", command)
        object.add("actor", actor)
        object.add("source", source)
        object.add("scope", scope)
        object.add("key", key)
        object.add("input", inputHash.hexadecimal)
        if let policyVersion { object.add("policy", policyVersion) } else { object.addNull("policy") }
        object.add("firstFact", firstFact)
        object.add("facts", factCount)
        object.add("digest", factsDigest.hexadecimal)
        object.add("outcome", outcome)
        object.add("app", appVersion)
        object.add("previous", previousHash.hexadecimal)
        return object.finish()
    }

    static func hash(previous: [UInt8], body: [UInt8]) -> [UInt8] { SHA256.hash(previous + body) }
}

/// The head of the chain: the number, time and hash of the last act, and the number of the last fact.
struct Head: Hashable {
    var lastAct: Int64
    var lastFact: Int64
    var lastHash: [UInt8]
    var lastInstant: Instant
}
