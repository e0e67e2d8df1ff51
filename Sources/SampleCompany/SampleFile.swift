/// One exchange file in canonical form: UTF-8, comma, a header line, quoted as RFC 4180 asks.
package struct SampleFile: Hashable, Sendable {
    /// What `huikuan import` calls it, for example `credit-notes`.
    package let kind: String
    package let text: String

    package init(kind: String, text: String) {
        self.kind = kind
        self.text = text
    }
}
