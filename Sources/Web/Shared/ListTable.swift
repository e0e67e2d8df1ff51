internal import Formats
internal import Operations
internal import Receivables

/// One column of a list: how it looks on the page and what it is in a file.
struct ListColumn<Row> {
    let id: String
    let title: String
    let kind: ReportTable.Kind
    /// The key that the list is sorted by when the head is clicked.
    var sort: String?
    /// Whether the order rises when the head is clicked first.
    var rises = false
    /// The first column can't be left out.
    var isAlways = false
    var isRight = false
    /// Stands in files alone.
    var isFileOnly = false
    /// Left out on narrow screens.
    var isWide = false
    /// What stands in the head in the place of the title.
    var headCell: HTML?
    /// The whole cell with its tag.
    let cell: (Row) -> HTML
    /// The same for a file; columns that are only drawn have none.
    var value: ((Row) -> ReportTable.Cell)?
}

/// A list with columns that a person chooses; the same columns go into its files.
struct ListTable<Row> {
    let asking: Asking
    let title: String
    let columns: [ListColumn<Row>]
    private var w: Wording { asking.w }
    private var name: String { "columns:\(asking.path)" }

    /// Those that the person left out.
    private var hidden: Set<String> {
        Set((asking.session?.preferences[name] ?? "").split(separator: ",").map(String.init))
    }

    private var shown: [ListColumn<Row>] { columns.filter { $0.isAlways || !hidden.contains($0.id) } }

    func html(
        _ rows: [Row], sort: String = "", isReversed: Bool = false, foot: HTML? = nil
    ) -> HTML {
        let parts = Parts(asking)
        let shown = shown.filter { !$0.isFileOnly }
        return """
            <div class="scroll"><table class="figures slim stackable listed"><caption class="hidden">\(title)</caption><thead><tr>\(each: shown, { head($0, sort, isReversed, parts) })</tr></thead>
            <tbody>\(each: rows, { row in "<tr data-row>\(each: shown, { $0.cell(row).labelled($0.title, isWide: $0.isWide) })</tr>" })</tbody>\(foot.map { "<tfoot>\($0)</tfoot>" } ?? .nothing)</table></div>
            """
    }

    /// A row of totals, from what each shown column has of them.
    func foot(_ cell: (ListColumn<Row>) -> HTML?) -> HTML {
        "<tr class=\"sum\">\(each: shown.filter { !$0.isFileOnly }, { (cell($0) ?? "<td class=\"wide\"></td>").labelled($0.title, isWide: $0.isWide) })</tr>"
    }

    private func head(_ column: ListColumn<Row>, _ sort: String, _ isReversed: Bool, _ parts: Parts) -> HTML {
        if let cell = column.headCell { return cell }
        if let key = column.sort {
            return parts.sortHead(
                column.title, key, current: sort, isReversed: isReversed, right: column.isRight, rises: column.rises)
        }
        return "<th scope=\"col\"\(if: column.isRight, " class=\"r\"")>\(column.title)</th>"
    }

    /// Which columns are shown, kept with the person.
    var chooser: HTML {
        let choices = columns.filter { !$0.isAlways && !$0.isFileOnly }
        return """
            <details class="menu"><summary class="btn">\(w(.columnsChoice))</summary><form class="pop columns" method="post" action="/columns" data-loose>\(Layout.formFields(asking, isOnce: false))<input type="hidden" name="list" value="\(asking.path)"><input type="hidden" name="back" value="\(asking.address())">\(each: choices, { column in
                "<input type=\"hidden\" name=\"all\" value=\"\(column.id)\"><label><input type=\"checkbox\" name=\"show\" value=\"\(column.id)\"\(if: !hidden.contains(column.id), " checked")>\(column.title)</label>"
            })<button class="btn small" type="submit">\(w(.apply))</button></form></details>
            """
    }

    /// The list as a file, when one is asked for; `rows` gives all of it, up to a bound of its own.
    ///
    /// - Parameter most: How many rows there are at most: a file that lacks some says so.
    func file(name: String, most: Int, _ rows: () async throws -> [Row]) async throws -> Reply? {
        guard ["csv", "xlsx", "pdf"].contains(asking.query["format"]) else { return nil }
        let rows = try await rows()
        let notes =
            ["\(asking.site.company.name) · \(asking.today)"]
            + (rows.count < most ? [] : [w(.firstOnly, ["count": .count(most)])])
        return try await Parts(asking).file(report(rows, notes: notes), name: name)
    }

    /// Choosing columns and taking the list along.
    var actions: HTML { chooser + Parts(asking).exports() }

    /// What is shown, for a file.
    func report(_ rows: [Row], totals: [[ReportTable.Cell]] = [], notes: [String]) -> ReportTable {
        let exported = shown.filter { $0.value != nil }
        return ReportTable(
            title: title, notes: notes, columns: exported.map { ReportTable.Column($0.title, $0.kind) },
            rows: rows.map { row in exported.map { $0.value?(row) ?? .empty } }, totals: totals, sheetName: title)
    }
}

/// Keeps which columns a person left out of a list.
enum ColumnChoice {
    static let routes: [Route] = [Route(.post, "/columns", .session, keep)]

    @Sendable private static func keep(_ asking: Asking) async throws -> Reply {
        let list = AccountPages.local(asking.form["list"])
        let shown = Set(asking.form.all("show"))
        let hidden = asking.form.all("all").filter { !shown.contains($0) }.prefix(40).joined(separator: ",")
        let (site, viewer) = (asking.site, asking.viewer)
        try await asking.work {
            try site.signIn.setPreference("columns:\(list)", String(hidden.prefix(400)), of: viewer)
        }
        return .redirect(AccountPages.local(asking.form["back"]))
    }
}
