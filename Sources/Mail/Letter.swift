internal import Foundation

/// A message as it goes through a mail server: one recipient, plain text in UTF-8.
package struct Letter: Hashable, Sendable {
    /// The same for each attempt, so that whoever gets it twice can tell.
    package let identity: String
    package let from: MailAddress
    package let to: MailAddress
    package let subject: String
    package let text: String
    /// Seconds since 1970.
    package let date: Int64

    package init(identity: String, from: MailAddress, to: MailAddress, subject: String, text: String, date: Int64) {
        self.identity = identity
        self.from = from
        self.to = to
        self.subject = subject
        self.text = text
        self.date = date
    }

    /// The letter in the format of RFC 5322, with lines ended by CR LF.
    package var bytes: [UInt8] {
        let headers = [
            "Date: \(Self.day(date))", "From: \(from.header)", "To: \(to.header)", "Subject: \(Self.words(subject))",
            "Message-ID: <\(identity)@\(from.domain)>", "Auto-Submitted: auto-generated", "MIME-Version: 1.0",
            "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
        ]
        let body = Data(text.replacingOccurrences(of: "\n", with: "\r\n").utf8).base64EncodedString(options: [
            .lineLength76Characters, .endLineWithCarriageReturn, .endLineWithLineFeed,
        ])
        return Array((headers.joined(separator: "\r\n") + "\r\n\r\n" + body + "\r\n").utf8)
    }

    /// Text as encoded words of RFC 2047, none longer than 75 characters and none cutting a character in two.
    static func words(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { $0 >= 32 && $0 < 127 } && text.utf8.count < 60
        if isPlain { return text }
        var parts: [String] = []
        var part = ""
        for character in text.unicodeScalars {
            if (part + String(character)).utf8.count > 42 {
                parts.append(part)
                part = ""
            }
            part.unicodeScalars.append(character)
        }
        parts.append(part)
        return parts.map { "=?utf-8?B?\(Data($0.utf8).base64EncodedString())?=" }.joined(separator: "\r\n ")
    }

    private static func day(_ seconds: Int64) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) "
            + "\(parts.tm_year + 1900) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) +0000"
    }
}

/// An address that can stand in a letter's head without saying anything else there.
package struct MailAddress: Hashable, Sendable {
    package let name: String
    package let address: String

    /// - Parameter name: Shown beside the address; may be empty.
    /// - Returns: `nil` unless the address is `local@domain` of printable ASCII without spaces and brackets.
    package init?(_ address: String, name: String = "") {
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        let refused: Set<UInt8> = [34, 40, 41, 44, 58, 59, 60, 62, 91, 92, 93]
        let isPlain = address.utf8.allSatisfy { $0 > 32 && $0 < 127 && !refused.contains($0) }
        guard isPlain, parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty, address.utf8.count <= 254 else {
            return nil
        }
        self.address = address
        self.name = String(name.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : Character($0) })
    }

    var domain: String { String(address.split(separator: "@").last ?? "") }

    var header: String {
        if name.isEmpty { return address }
        let isWord = name.utf8.allSatisfy { ($0 >= 48 && $0 <= 57) || ($0 | 32 >= 97 && $0 | 32 <= 122) || $0 == 32 }
        return (isWord ? name : Letter.encoded(name)) + " <\(address)>"
    }
}

extension Letter {
    /// Always an encoded word, also for text that is plain.
    static func encoded(_ text: String) -> String {
        let words = words(text)
        return words.hasPrefix("=?") ? words : "=?utf-8?B?\(Data(text.utf8).base64EncodedString())?="
    }
}
