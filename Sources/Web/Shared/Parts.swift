internal import Formats
internal import Foundation
internal import Ledger
internal import OpenItems
internal import Operations
internal import Receivables

/// Elements that many pages have; the gallery shows all of them.
struct Parts {
    let asking: Asking
    /// Stands before the ids of fields, where several forms of a page have fields of one name.
    private let form: String
    var w: Wording { asking.w }

    init(_ asking: Asking, form: String = "") {
        self.asking = asking
        self.form = form
    }

    private func id(_ name: String) -> String { form.isEmpty ? name : "\(form)-\(name)" }

    func head(_ title: String, meta: HTML = .nothing, trail: [(String, String)] = [], actions: HTML = .nothing) -> HTML
    {
        """
        <header class="head"><div>\(if: !trail.isEmpty, "<p class=\"trail\">\(each: trail, { "<a href=\"\($0.1)\">\($0.0)</a><span aria-hidden=\"true\">/</span>" })</p>")\
        <h1>\(title)</h1>\(if: !meta.isEmpty, "<p class=\"meta\">\(meta)</p>")</div>\(if: !actions.isEmpty, "<div class=\"acts\">\(actions)</div>")</header>
        """
    }

    func answer(_ sentence: HTML) -> HTML { "<p class=\"answer\">\(sentence)</p>" }

    func bold(_ text: String) -> HTML { "<b>\(text)</b>" }
    func bad(_ text: String) -> HTML { "<b class=\"bad\">\(text)</b>" }

    func button(_ text: String, _ address: String, _ icon: Icon? = nil, main: Bool = false, key: String? = nil) -> HTML
    {
        let data: HTML = key.map { " data-key=\"\($0)\"" } ?? ""
        return
            "<a class=\"btn\(if: main, " main-act")\" href=\"\(address)\"\(data)>\(icon?.html ?? .nothing)\(text)</a>"
    }

    func submit(_ text: String, main: Bool = true, danger: Bool = false) -> HTML {
        "<button class=\"btn\(if: main, " main-act")\(if: danger, " danger")\" type=\"submit\" data-busy=\"\(w(.busy))\">\(text)</button>"
    }

    // MARK: Charts

    /// The mix of one row's amounts, always as wide as its place.
    func bucketBar(_ amounts: [Int128], labels: [String]) -> HTML {
        let whole = amounts.reduce(Int128(0)) { $0 + max(0, $1) }
        guard whole > 0 else { return .nothing }
        var start = 0
        var shares: [(index: Int, from: Int, width: Int)] = []
        for (index, amount) in amounts.enumerated() where amount > 0 {
            let width = Int(amount * 1000 / whole)
            shares.append((index, start, width))
            start += width
        }
        let said = shares.map {
            "\(labels[min($0.index, labels.count - 1)]) \(w.percent(amounts[$0.index], of: whole))"
        }
        return """
            <svg class="bucket" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label="\(w.list(said))">\(each: shares, { share in
                "<rect class=\"b\(min(share.index, 6))\" x=\"\(share.from)\" width=\"\(max(share.width, 2))\" height=\"10\"/>"
            })</svg>
            """
    }

    func swatch(_ bucket: Int) -> HTML {
        "<svg class=\"sw\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"b\(min(bucket, 6))\" width=\"10\" height=\"10\"/></svg>"
    }

    /// Labels of the standard buckets: not due, 1–30 days, …
    var bucketLabels: [String] {
        BucketSet.standardDue.buckets.indices.map { bucketLabel($0, of: BucketSet.standardDue) }
    }

    func bucketLabel(_ index: Int, of set: BucketSet) -> String {
        let bucket = set.buckets[index]
        if set.basis == .due, index == 0 { return w(.bucketNotDue) }
        func text(_ bound: BucketSet.Bound) -> String {
            switch bound {
            case .days(let days): "\(days)"
            case .months(let months):
                months % 12 == 0 ? w(.bucketYears, ["n": .count(months / 12)]) : w(.bucketMonths, ["n": .count(months)])
            }
        }
        let first = set.first(of: index)
        guard let last = bucket.last else {
            guard let first else { return w(.bucketAll) }
            if case .days(let days) = first { return w(.bucketBeyond, ["days": .count(days - 1)]) }
            return w(.bucketBeyondText, ["bound": .text(text(first))])
        }
        if case .days(let to) = last {
            if case .days(let from)? = first { return w(.bucketDays, ["range": .text("\(from)–\(to)")]) }
            return w(.bucketDays, ["range": .text("0–\(to)")])
        }
        guard index > 0, let before = set.buckets[index - 1].last else {
            return w(.bucketUpTo, ["bound": .text(text(last))])
        }
        return "\(text(before))–\(text(last))"
    }

    // MARK: Marks

    func status(_ text: String, _ kind: String = "") -> HTML { "<span class=\"st \(kind)\">\(text)</span>" }
    func tag(_ text: String, _ kind: String = "") -> HTML { "<span class=\"tag \(kind)\">\(text)</span>" }

    func itemState(_ row: Look.ItemRow) -> String {
        let name =
            row.open == 0 ? "settled" : row.daysOverdue > 0 ? "overdue" : row.open < row.amount ? "partial" : "open"
        return w.name(.status, name)
    }

    func itemStatus(_ row: Look.ItemRow) -> HTML {
        if row.open == 0 { return status(w.name(.status, "settled"), "good") }
        if row.daysOverdue > 0 { return status(w.name(.status, "overdue"), "bad") }
        if row.open < row.amount { return status(w.name(.status, "partial"), "warn") }
        return status(w.name(.status, "open"))
    }

    func proof(_ holds: Bool, _ text: HTML, _ meta: HTML = .nothing) -> HTML {
        """
        <p class="proof\(if: !holds, " off")"><span class="ok">\(holds ? Icon.check.html : Icon.warn.html)\(w(holds ? .proofHolds : .proofFails))</span><span class="num">\(text)</span><span class="meta">\(meta)</span></p>
        """
    }

    func callout(_ text: HTML, isBad: Bool = false) -> HTML {
        "<p class=\"callout\(if: isBad, " bad")\" role=\"\(isBad ? "alert" : "status")\">\(isBad ? Icon.no.html : Icon.warn.html)<span>\(text)</span></p>"
    }

    func empty(_ text: String) -> HTML { "<p class=\"empty\">\(text)</p>" }

    // MARK: Forms

    func field(
        _ name: String, _ label: String, value: String = "", type: String = "text", hint: String = "",
        error: String? = nil,
        isRequired: Bool = false, more: HTML = .nothing
    ) -> HTML {
        let described: HTML =
            error != nil ? " aria-invalid=\"true\" aria-describedby=\"\(id(name))-error\" autofocus" : .nothing
        return """
            <div class="field"><label for="\(id(name))">\(label)</label><input id="\(id(name))" name="\(name)" type="\(type)" value="\(value)"\(if: isRequired, " required")\(described)\(more)>\
            \(if: !hint.isEmpty, "<span class=\"hint\">\(hint)</span>")\(fieldError(name, error))</div>
            """
    }

    func fieldError(_ name: String, _ error: String?) -> HTML {
        error.map { "<span class=\"error\" id=\"\(id(name))-error\">\(Icon.no.html)<span>\($0)</span></span>" }
            ?? .nothing
    }

    func select(
        _ name: String, _ label: String, _ options: [(value: String, text: String)], selected: String,
        hidden: Bool = false, error: String? = nil
    ) -> HTML {
        """
        <div class="field"><label for="\(id(name))"\(if: hidden, " class=\"hidden\"")>\(label)</label><select id="\(id(name))" name="\(name)"\(if: error != nil, " aria-invalid=\"true\" aria-describedby=\"\(id(name))-error\"")>\(each: options, { option in
            "<option value=\"\(option.value)\"\(if: option.value == selected, " selected")>\(option.text)</option>"
        })</select>\(fieldError(name, error))</div>
        """
    }

    func area(_ name: String, _ label: String, value: String = "", hint: String = "", error: String? = nil) -> HTML {
        """
        <div class="field"><label for="\(id(name))">\(label)</label><textarea id="\(id(name))" name="\(name)"\(if: error != nil, " aria-invalid=\"true\" aria-describedby=\"\(id(name))-error\" autofocus")>\(value)</textarea>\
        \(if: !hint.isEmpty, "<span class=\"hint\">\(hint)</span>")\(fieldError(name, error))</div>
        """
    }

    /// A choice that is a row of links, one of them current.
    func segments(_ label: String, _ name: String, _ options: [(value: String, text: String)], selected: String) -> HTML
    {
        """
        <div class="field"><span class="label" id="seg-\(name)">\(label)</span><div class="seg" role="group" aria-labelledby="seg-\(name)">\(each: options, { option in
            "<a href=\"\(asking.address((name, option.value), ("after", nil), ("before", nil), ("skip", nil)))\" data-main\(if: option.value == selected, " aria-current=\"true\"")>\(option.text)</a>"
        })</div></div>
        """
    }

    /// The filters of a list: they are sent when they change, and by the button without a script.
    func filters(_ fields: HTML, keep: [String] = [], end: HTML = .nothing) -> HTML {
        let kept = keep.filter { !asking.query[$0].isEmpty }
        return """
            <form class="filters" action="\(asking.path)" data-live>\(each: kept, { "<input type=\"hidden\" name=\"\($0)\" value=\"\(asking.query[$0])\">" })\(fields)<div class="end"><button class="btn small quiet" type="submit">\(w(.apply))</button>\(end)</div></form>
            """
    }

    /// A column's head that sorts.
    ///
    /// - Parameter rises: Whether the order rises where it isn't reversed.
    func sortHead(
        _ text: String, _ sort: String, current: String, isReversed: Bool, right: Bool = true, rises: Bool = false
    ) -> HTML {
        let isCurrent = sort == current
        let direction: HTML =
            isCurrent ? (isReversed != rises ? " aria-sort=\"ascending\"" : " aria-sort=\"descending\"") : ""
        let reversed = isCurrent && !isReversed ? "1" : nil
        return """
            <th scope="col"\(if: right, " class=\"r\"")\(direction)><a href="\(asking.address(("sort", sort), ("reversed", reversed), ("after", nil), ("skip", nil)))" data-main>\(text)</a></th>
            """
    }

    /// How many there are, and the way to more.
    func pager(_ shown: String, next: String?, back: Bool) -> HTML {
        """
        <nav class="pager" aria-label="\(w(.pages))"><span>\(shown)</span><span class="inline">\(if: back, "<a class=\"btn small\" href=\"\(asking.address(("after", nil), ("before", nil), ("skip", nil)))\" data-main>\(w(.firstPage))</a>")\
        \(next.map { "<a class=\"btn small\" href=\"\($0)\" data-main rel=\"next\">\(w(.nextPage))</a>" } ?? .nothing)</span></nav>
        """
    }

    /// The way to take what is shown along.
    func exports() -> HTML {
        """
        <a class="btn" href="\(asking.address(("format", "xlsx")))" data-key="e" download>\(Icon.down.html)\(w(.exportXLSX))</a>\
        <a class="btn" href="\(asking.address(("format", "csv")))" download>CSV</a>
        """
    }

    func keys(_ list: [(String, Word)]) -> HTML {
        """
        <p class="keys">\(each: list, { entry in
            "<span>\(each: entry.0.split(separator: " ").map(String.init), { "<kbd>\($0)</kbd>" })\(w(entry.1))</span>"
        })</p>
        """
    }

    func facts(_ pairs: [(String, HTML)]) -> HTML {
        "<dl class=\"facts\">\(each: pairs.filter { !$0.1.isEmpty }, { "<dt>\($0.0)</dt><dd class=\"r\">\($0.1)</dd>" })</dl>"
    }

    func stats(_ pairs: [(String, HTML)]) -> HTML {
        "<dl class=\"stats\">\(each: pairs, { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" })</dl>"
    }

    /// A line of time, from facts.
    func timeline(_ events: [Look.Event]) -> HTML { "<ol class=\"time\">\(each: events, timelineEntry)</ol>" }

    private func timelineEntry(_ event: Look.Event) -> HTML {
        let isBad = ["signal", "reversal", "unallocation", "due-change"].contains(event.kind)
        let isGood = ["receipt", "allocation", "task-done"].contains(event.kind)
        let amount: HTML = event.amount.map { " <b class=\"num\">\(w.amount($0))</b>" } ?? .nothing
        let act: HTML =
            asking.may(.seeActs) ? " <a class=\"meta\" href=\"/acts/\(event.act)\">#\(event.act)</a>" : .nothing
        return """
            <li class="\(if: isBad, "bad")\(if: isGood, "good")">\(w.moment(event.instant, asking.site.company, today: asking.today)) \(w.name(.event, event.kind))\(amount) \(subject(of: event))\(if: !event.about.isEmpty, " <span class=\"meta\">\(w.list(event.about.prefix(3).map { $0 }))\(if: event.about.count > 3, "…")</span>")\
            <p>\(detail(of: event))<span class="meta">\(actor(event.actor))</span>\(act)</p></li>
            """
    }

    private func subject(of event: Look.Event) -> HTML {
        switch event.kind {
        case "invoice":
            if asking.may(.seeInvoices) {
                return "<a href=\"/invoices/\(URLText.encode(event.subject))\">\(event.subject)</a>"
            }
            return HTML(event.subject)
        case "receipt", "credit-note":
            if event.subject.isEmpty { return HTML(event.detail) }
            return "<a href=\"/receipts/\(event.fact)\">\(event.subject)</a>"
        case "task", "task-done": return HTML(w.name(.task, event.subject))
        case "signal": return HTML(w.name(.signal, event.subject))
        case "reminder": return HTML(w.name(.reminder, event.subject))
        case "contact": return HTML(w.name(.purpose, event.subject))
        case "customer": return HTML(w.name(.event, "customer-\(event.subject)"))
        default: return HTML(event.subject)
        }
    }

    private func detail(of event: Look.Event) -> HTML {
        switch event.kind {
        case "task": return "<code>\(event.detail)</code> "
        case "reminder":
            let reasons = event.detail.split(separator: ",").map { w.name(.held, String($0)) }
            return reasons.isEmpty ? .nothing : "\(w.list(reasons)) "
        case "tax-status": return "\(w.name(.taxStatus, event.detail)) "
        case "receipt", "credit-note", "correction": return .nothing
        default: return event.detail.isEmpty ? .nothing : "\(event.detail) "
        }
    }

    /// Who did something: a person's address, or the machine in words.
    func actor(_ name: String) -> String {
        if name.hasPrefix("system:") { return w.name(.source, name) }
        if name.hasPrefix("operator:") { return w(.operatorName, ["user": .text(String(name.dropFirst(9)))]) }
        return name
    }

    /// Answers with a table as a file, when one is asked for. Cells that a spreadsheet would take for a formula are text.
    func file(_ table: ReportTable, name: String) async throws -> Reply? {
        let stem = "\(name)-\(asking.today)"
        switch asking.query["format"] {
        case "csv": return .file(Array(table.csv.utf8), name: "\(stem).csv", type: "text/csv; charset=utf-8")
        case "xlsx":
            let bytes = try await asking.work { try ReportFile.bytes { try table.writeXLSX(to: $0) } }
            return .file(
                bytes, name: "\(stem).xlsx",
                type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        case "pdf":
            let bytes = try await asking.work { try ReportFile.bytes { try table.writePDF(to: $0) } }
            return .file(bytes, name: "\(stem).pdf", type: "application/pdf")
        default: return nil
        }
    }
}

/// Reports that are written to a file first.
enum ReportFile {
    private static let lock = NSLock()

    /// One at a time: what draws pages was never said to be safe on several threads.
    static func bytes(_ write: (String) throws -> Void) throws -> [UInt8] {
        try lock.withLock {
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("huikuan-\(UUID().uuidString)")
                .path
            defer { try? FileManager.default.removeItem(atPath: path) }
            try write(path)
            return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        }
    }
}
