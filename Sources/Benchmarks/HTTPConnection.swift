import Foundation
import Glibc

/// How long many requests took.
final class RequestTimes: @unchecked Sendable {
    // Guarded by `lock`.
    private let lock = NSLock()
    private var times: [Double] = []
    private var failures = 0

    /// - Parameter time: In milliseconds.
    func add(_ time: Double) { lock.withLock { times.append(time) } }
    func fail() { lock.withLock { failures += 1 } }

    /// Rate and percentiles on one line.
    func text(_ unit: String, seconds: Double) -> String {
        let (sorted, failures) = lock.withLock { (times.sorted(), self.failures) }
        func part(_ share: Double) -> String {
            sorted.isEmpty ? "-" : format(sorted[min(sorted.count - 1, Int(Double(sorted.count) * share))], 1)
        }
        return "\(format(Double(sorted.count) / seconds, 0)) \(unit), p50 \(part(0.5)) ms, p95 \(part(0.95)) ms, "
            + "p99 \(part(0.99)) ms, failed \(failures)"
    }

    func rate(seconds: Double) -> Double { lock.withLock { Double(times.count) / seconds } }
    var median: Double { lock.withLock { times.isEmpty ? 0 : times.sorted()[times.count / 2] } }
}

/// One connection that asks for one thing after the other and waits for each answer.
final class HTTPConnection {
    private let socket: Int32
    private let header: String
    private let port: Int
    private var buffer: [UInt8] = []
    private var chunk = [UInt8](repeating: 0, count: 1 << 16)

    struct Broken: Error {
        let head: String
    }

    /// - Parameter header: Sent with each request.
    init(port: Int, header: String = "") throws {
        self.port = port
        self.header = header.isEmpty ? "" : header + "\r\n"
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Broken(head: "") }
        var on: Int32 = 1
        setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(socket) }

    func get(_ path: String) throws -> (seconds: Double, bytes: Int) {
        let begun = ContinuousClock.now
        let (head, body) = try ask("GET", path)
        guard head.hasPrefix("HTTP/1.1 200") else { throw Broken(head: head) }
        return (Self.seconds(since: begun), body.count)
    }

    /// Sends a command with a key of its own.
    func post(_ path: String, _ body: String) throws -> Double {
        let begun = ContinuousClock.now
        let key = "Idempotency-Key: \(UInt64.random(in: 0 ... .max))\r\nContent-Type: application/json\r\n"
        let (head, _) = try ask("POST", path, key, body)
        guard head.hasPrefix("HTTP/1.1 20") else { throw Broken(head: head) }
        return Self.seconds(since: begun)
    }

    private static func seconds(since begun: ContinuousClock.Instant) -> Double {
        let passed = (ContinuousClock.now - begun).components
        return Double(passed.seconds) + Double(passed.attoseconds) / 1e18
    }

    func text(_ path: String) throws -> String { String(decoding: try ask("GET", path).body, as: UTF8.self) }

    /// The session that a link gives.
    func cookie(of path: String) throws -> String {
        let head = try ask("GET", path).head
        return head.firstMatch(of: /(hk_session=[^;]+)/).map { String($0.1) } ?? ""
    }

    private func ask(
        _ method: String, _ path: String, _ more: String = "", _ content: String = ""
    ) throws -> (head: String, body: [UInt8]) {
        let length = method == "POST" ? "Content-Length: \(content.utf8.count)\r\n" : ""
        let request = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n\(header)\(more)\(length)\r\n\(content)"
        let sent = Array(request.utf8)
        guard write(socket, sent, sent.count) == sent.count else { throw Broken(head: "") }
        buffer.removeAll(keepingCapacity: true)
        var headEnd: Int?
        var bodyLength = 0
        while true {
            let count = read(socket, &chunk, chunk.count)
            guard count > 0 else { throw Broken(head: "") }
            buffer.append(contentsOf: chunk[0..<count])
            if headEnd == nil, let end = Self.end(of: buffer) {
                headEnd = end
                bodyLength = Self.contentLength(buffer[0..<end])
            }
            if let headEnd, buffer.count >= headEnd + 4 + bodyLength {
                return (
                    String(decoding: buffer[0..<headEnd], as: UTF8.self),
                    Array(buffer[headEnd + 4..<headEnd + 4 + bodyLength])
                )
            }
        }
    }

    /// Read byte by byte: a regular expression took longer than the server did.
    private static func contentLength(_ head: ArraySlice<UInt8>) -> Int {
        let name = Array("content-length: ".utf8)
        for line in head.split(separator: 10) where line.count > name.count {
            guard zip(line, name).allSatisfy({ $0 | 32 == $1 | 32 }) else { continue }
            return line.dropFirst(name.count).reduce(0) { (48...57).contains($1) ? $0 * 10 + Int($1 - 48) : $0 }
        }
        return 0
    }

    private static func end(of bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...bytes.count - 4).first {
            bytes[$0] == 13 && bytes[$0 + 1] == 10 && bytes[$0 + 2] == 13 && bytes[$0 + 3] == 10
        }
    }
}
