internal import Glibc

/// Bytes that are appended fast and lent without a copy.
final class XLSXOutput {
    private var base: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 64)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: count) }

    func removeAll() { count = 0 }

    /// Forgets what was appended after there were `count` bytes.
    func truncate(to count: Int) { self.count = min(self.count, count) }

    @inline(__always)
    func append(_ byte: UInt8) {
        if count == capacity { grow(by: 1) }
        base[count] = byte
        count += 1
    }

    @inline(__always)
    func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let start = bytes.baseAddress else { return }
        if bytes.count > capacity - count { grow(by: bytes.count) }
        memcpy(base + count, start, bytes.count)
        count += bytes.count
    }

    func append(_ byte: UInt8, times: Int) {
        guard times > 0 else { return }
        if times > capacity - count { grow(by: times) }
        (base + count).update(repeating: byte, count: times)
        count += times
    }

    func append(_ text: some StringProtocol) {
        for byte in text.utf8 { append(byte) }
    }

    /// The number's digits, zeros before them up to `width`.
    func append(_ number: Int, width: Int) {
        let digits = String(number)
        append(48, times: width - digits.utf8.count)
        append(digits)
    }

    @inline(never)
    private func grow(by more: Int) {
        capacity = max(capacity * 2, count + more)
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: base, count: count)
        base.deallocate()
        base = larger
    }
}
