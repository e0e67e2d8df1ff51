internal import Foundation
internal import Operations
internal import Receivables

/// The stylesheet and the script. Their names hold a hash of what is in them, so that browsers may keep them for ever.
struct Assets: Sendable {
    struct Asset: Sendable {
        let bytes: [UInt8]
        let type: String
    }

    private let byName: [String: Asset]
    let stylesheet: String
    let script: String

    /// - Throws: `Refusal` `file.missing`.
    init() throws {
        var byName: [String: Asset] = [:]
        func add(_ name: String, _ type: String) throws -> String {
            var fallback: String?
            #if DEBUG
                fallback = Bundle.module.resourceURL?.appendingPathComponent("Assets").path
            #endif
            let bytes = try Resources.bytes(name, bundle: "huikuan_Web.resources/Assets", fallback: fallback)
            let parts = name.split(separator: ".")
            let hashed =
                "\(parts[0]).\(Secret.digest(String(decoding: bytes, as: UTF8.self)).hexadecimal.prefix(12)).\(parts[1])"
            byName[hashed] = Asset(bytes: bytes, type: type)
            return "/assets/\(hashed)"
        }
        stylesheet = try add("huikuan.css", "text/css; charset=utf-8")
        script = try add("huikuan.js", "text/javascript; charset=utf-8")
        self.byName = byName
    }

    func find(_ name: String) -> Asset? { byName[name] }

    /// The seal, as the browser's tab shows it.
    static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 28"><rect width="28" height="28" rx="5" fill="#b5391f"/>\
        <path d="M6.5 6.5h15v15h-15zM11 11h6v6h-6z" fill="none" stroke="#fff" stroke-width="2"/></svg>
        """
}
