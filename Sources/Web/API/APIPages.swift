internal import Formats
internal import Operations
internal import Receivables

/// The API for whoever writes a program: what there is, with lines for a shell that run (接口示例).
enum APIPages {
    static let routes: [Route] = [Route(.get, "/api", .session, show)]

    @Sendable private static func show(_ asking: Asking) async throws -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        let (viewer, today, now, store) = (asking.viewer, asking.today, asking.now, asking.store)
        let examples = try await asking.work { try Examples.find(for: viewer, on: today, now: now, in: store) }
        let mine = asking.site.operations.filter { isAllowed($0, viewer) }
        let tags = mine.map(\.tag).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        return Layout(asking).page(
            w(.apiTitle), at: .account,
            """
            \(parts.head(w(.apiTitle), trail: [(w(.myAccount), "/account")], actions: parts.button(w(.apiDescription), "\(APIServer.base)/openapi.json")))
            \(parts.answer(HTML(w(.apiText))))
            <pre class="wide-text code" tabindex="0">export HUIKUAN=\(asking.base)\nexport TOKEN=hk_…</pre>
            \(each: tags, { tag in
                "<section class=\"sec\"><h2><code>/\(tag)</code></h2>\(each: mine.filter { $0.tag == tag }, { one($0, examples, asking) })</section>"
            })
            """)
    }

    private static func isAllowed(_ operation: Operation, _ viewer: Viewer) -> Bool {
        switch operation.access {
        case .anybody, .token: true
        case .permission(let permission): viewer.may(permission)
        case .anyOf(let permissions): permissions.contains(where: viewer.may)
        }
    }

    private static func one(_ operation: Operation, _ examples: Examples, _ asking: Asking) -> HTML {
        let summary = OperationTexts(asking.w.catalogue).summary(operation)
        return """
            <details><summary><code>\(operation.method.rawValue) \(operation.path)</code> \(summary)</summary><pre class="wide-text code" tabindex="0">\(examples.curl(operation))</pre></details>
            """
    }
}

/// What operations are said to do, in a language: English stands beside them, others in the catalogue.
struct OperationTexts {
    private let catalogue: Catalogue

    init(_ catalogue: Catalogue) { self.catalogue = catalogue }

    func summary(_ operation: Operation) -> String {
        let key = "api.\(operation.name)"
        return catalogue.keys.contains(key) ? catalogue.text(key) : operation.summary
    }
}
