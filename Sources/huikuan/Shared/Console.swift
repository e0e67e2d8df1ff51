import Formats
import Foundation
import Ledger

/// What goes to the terminal: aligned tables, colour and progress for people, plain text when piped.
enum Console {
    static let isTerminal = isatty(STDOUT_FILENO) == 1
    static let errorIsTerminal = isatty(STDERR_FILENO) == 1

    static func say(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }

    static func complain(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    static func emit(_ document: JSONValue) {
        var bytes: [UInt8] = []
        document.write(to: &bytes)
        bytes.append(10)
        write(bytes, to: STDOUT_FILENO)
    }

    static func write(_ text: String, to descriptor: Int32) { write(Array(text.utf8), to: descriptor) }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            while offset < buffer.count {
                let count = Foundation.write(descriptor, buffer.baseAddress.map { $0 + offset }, buffer.count - offset)
                // A reader that went away (`| head`) ends the command quietly.
                if count <= 0 { exit(errno == EPIPE ? 0 : 3) }
                offset += count
            }
        }
    }

    // MARK: Tables

    /// How many columns of the terminal a text takes: Chinese characters take two.
    static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { sum, scalar in
            switch scalar.value {
            case 0x0300...0x036F, 0x200B...0x200F, 0xFE00...0xFE0F: sum
            case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
                0xFE30...0xFE4F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
                sum + 2
            default: sum + 1
            }
        }
    }

    static func padded(_ text: String, to width: Int, right: Bool) -> String {
        let spaces = String(repeating: " ", count: max(0, width - self.width(text)))
        return right ? spaces + text : text + spaces
    }

    static func shortened(_ text: String, to limit: Int) -> String {
        guard width(text) > limit else { return text }
        var short = ""
        for character in text {
            if width(short) + width(String(character)) > limit - 1 { break }
            short.append(character)
        }
        return short + "…"
    }

    /// Prints a report: title, aligned columns, totals set apart, proof.
    static func show(
        _ table: ReportTable, rowLimit: Int? = nil, textLimit: Int = 34, more: (Int) -> String = { "… \($0)" }
    ) {
        // Only a terminal has a width; what is piped is kept whole.
        let textLimit = isTerminal ? textLimit : Int.max
        if !table.title.isEmpty { say(bold(table.title)) }
        for note in table.notes { say(dim(note)) }
        let shown = rowLimit.map { Array(table.rows.prefix($0)) } ?? table.rows
        let body = shown.map { $0.map(text) }
        let totals = table.totals.map { $0.map(text) }
        let heads = table.columns.map(\.title)
        let widths = heads.indices.map { column in
            ([heads] + body + totals).map { min(width($0[column]), textLimit) }.max() ?? 0
        }
        let isRight = table.columns.map { $0.kind == .amount || $0.kind == .count }
        func line(_ cells: [String]) -> String {
            let padded = cells.indices.map { column in
                Self.padded(shortened(cells[column], to: textLimit), to: widths[column], right: isRight[column])
            }
            var line = padded.joined(separator: "  ")
            while line.hasSuffix(" ") { line.removeLast() }
            return line
        }
        if !body.isEmpty || !totals.isEmpty {
            say(dim(line(heads)))
            for (index, cells) in body.enumerated() { say(coloured(line(cells), shown[index])) }
            if table.rows.count > shown.count { say(dim(more(table.rows.count - shown.count))) }
            if !totals.isEmpty {
                say(dim(String(repeating: "─", count: widths.reduce(0, +) + 2 * (widths.count - 1))))
                for cells in totals { say(bold(line(cells))) }
            }
        }
        for line in table.proof { say(dim(line)) }
    }

    private static func text(_ cell: ReportTable.Cell) -> String {
        switch cell {
        case .text(let text): text
        case .amount(let amount, let exponent):
            amount == 0 ? "–" : Money.decimal(of: amount, exponent: exponent, grouped: true)
        case .count(let count): "\(count)"
        case .day(let day): "\(day)"
        case .empty: ""
        }
    }

    private static func coloured(_ line: String, _ cells: [ReportTable.Cell]) -> String {
        let isNegative = cells.contains { if case .amount(let amount, _) = $0 { amount < 0 } else { false } }
        return isNegative && isTerminal ? "\u{1B}[31m\(line)\u{1B}[0m" : line
    }

    static func bold(_ text: String) -> String { isTerminal ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    static func dim(_ text: String) -> String { isTerminal ? "\u{1B}[2m\(text)\u{1B}[0m" : text }
}

/// A bar on the error stream for work that takes longer than a second; nothing when that is no terminal.
final class Progress: @unchecked Sendable {
    // The writer's thread shows, and the main one finishes after it; `lock` keeps them apart.
    private let title: String
    private let started = ContinuousClock.now
    private let lock = NSLock()
    private var isShown = false
    private var lastShare = -1

    init(_ title: String) { self.title = title }

    func show(_ share: Double) {
        lock.lock()
        defer { lock.unlock() }
        guard Console.errorIsTerminal, ContinuousClock.now - started > .seconds(1) else { return }
        let percent = Int(min(max(share, 0), 1) * 100)
        guard percent != lastShare else { return }
        lastShare = percent
        isShown = true
        let filled = percent * 30 / 100
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
        Console.write("\r\(title) \(bar) \(percent) %", to: STDERR_FILENO)
    }

    func note(_ text: String) {
        lock.lock()
        defer { lock.unlock() }
        guard Console.errorIsTerminal else { return }
        isShown = true
        Console.write("\r\u{1B}[K\(text)", to: STDERR_FILENO)
    }

    func finish() {
        lock.lock()
        defer { lock.unlock() }
        if isShown { Console.write("\r\u{1B}[K", to: STDERR_FILENO) }
    }
}
