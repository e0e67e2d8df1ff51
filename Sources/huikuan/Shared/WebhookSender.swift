import Foundation
import Ledger
import Operations
import Outbound

/// Brings webhooks their messages: each webhook by a task of its own, so that one that hangs holds up no other.
final class WebhookSender: @unchecked Sendable {
    // `busy` is guarded by `lock`.
    private let lock = NSLock()
    private var busy: Set<String> = []
    private let delivery: WebhookDelivery
    private let client: WebClient
    private let clock: @Sendable () -> Instant
    private let onFailure: @Sendable (WebhookDelivery.Message, String) -> Void

    /// Webhooks that are sent to at once.
    private static let most = 16

    /// - Parameters:
    ///   - seconds: After so many a receiver has not answered.
    ///   - onFailure: Told what was not delivered, and why.
    init(
        _ store: Store, holder: String, seconds: Int, clock: @escaping @Sendable () -> Instant,
        onFailure: @escaping @Sendable (WebhookDelivery.Message, String) -> Void
    ) {
        delivery = WebhookDelivery(of: store, holder: holder, leaseSeconds: seconds * 3 + 10)
        client = WebClient(seconds: seconds, mostBytes: 1 << 16)
        self.clock = clock
        self.onFailure = onFailure
    }

    /// Makes messages of what is new, and sends what is due.
    func work() throws {
        try delivery.prepare(now: clock())
        while true {
            let held = lock.withLock { busy }
            guard held.count < Self.most, let message = try delivery.take(now: clock(), except: held) else { return }
            _ = lock.withLock { busy.insert(message.webhook) }
            // It waits for another machine, which no thread of ours must be short of.
            DispatchQueue.global().async { [self] in
                defer { _ = lock.withLock { busy.remove(message.webhook) } }
                send(message)
                // What waits behind it goes at once.
                while let next = try? delivery.take(now: clock(), except: [], only: message.webhook), send(next) {}
            }
        }
    }

    @discardableResult
    private func send(_ message: WebhookDelivery.Message) -> Bool {
        var result: WebhookDelivery.Result
        var said = ""
        do {
            let answer = try client.post(
                message.url, message.body,
                headers: [
                    ("Content-Type", "application/json"), ("webhook-id", message.id),
                    ("webhook-timestamp", "\(message.timestamp)"), ("webhook-signature", message.signature),
                ])
            result = .answered(answer.status)
            if !(200...299).contains(answer.status) { said = "\(answer.status)" }
        } catch {
            result = .failed(error.said)
            said = error.said
        }
        if !said.isEmpty { onFailure(message, said) }
        // A note that can't be written is a message that is sent again, with the same id.
        return ((try? delivery.note(result, of: message, now: clock())) ?? false) && said.isEmpty
    }
}
