internal import Ledger
internal import Operations
internal import Receivables

/// Every element in every state, for those who build pages (development only).
enum GalleryPage {
    static let routes: [Route] = [Route(.get, "/gallery", .session, show)]

    @Sendable private static func show(_ asking: Asking) async throws -> Reply {
        let w = asking.w
        let parts = Parts(asking)
        let buckets: [Int128] = [520, 190, 110, 76, 52, 32, 20]
        let colours = (0..<7).map { "b\($0)" } + ["bfree", "e1", "e2", "e3", "eunder"]
        return Layout(asking).page(
            w(.gallery), at: .none,
            """
            \(parts.head(w(.gallery), meta: HTML(w(.galleryText)), trail: [(w(.navMyDay), "/")], actions: parts.button(w(.save), "#", main: true) + parts.button(w(.exportXLSX), "#", .down)))
            \(parts.answer(w.html(.agingAnswer, ["open": parts.bold("¥20,596,320.25"), "overdue": parts.bad("¥7,592,973.75"), "share": "36.9%", "old": parts.bold("¥1,891,800.00")])))
            <section class="sec"><h2>\(w(.state))</h2><p class="acts">\(parts.status(w.name(.status, "open")))\(parts.status(w.name(.status, "overdue"), "bad"))\(parts.status(w.name(.status, "partial"), "warn"))\(parts.status(w.name(.status, "settled"), "good"))\(parts.tag(w(.exact), "good"))\(parts.tag(w(.heldBack), "warn"))\(parts.tag(w(.rejected), "bad"))\(parts.tag(w(.version, ["n": .count(3)])))</p></section>
            <section class="sec"><h2>\(w(.mix))</h2>\(parts.bucketBar(buckets, labels: parts.bucketLabels))<div class="swatches sec">\(each: colours, { "<div><svg viewBox=\"0 0 10 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"\($0)\" width=\"10\" height=\"10\"/></svg><span class=\"meta\">\($0)</span></div>" })</div></section>
            <section class="sec"><h2>\(w(.postings))</h2>\(parts.proof(true, "1,234.50 = 1,234.50"))\(parts.proof(false, "1,234.50 ≠ 1,234.00"))\(parts.callout(HTML(w(.someUntranslated))))\(parts.callout(HTML(w(.deniedTitle)), isBad: true))\(parts.empty(w(.nothingToDo)))</section>
            <section class="sec"><h2>\(w(.change))</h2><form class="form narrow" method="post" action="/preferences" data-loose>\(Layout.formFields(asking))<input type="hidden" name="back" value="/gallery">\(parts.field("a", w(.name), value: "", hint: w(.noteHint)))\(parts.field("b", w(.amount), value: "1.2.3", error: w(.deniedTitle)))\(parts.select("c", w(.kind), [("1", w(.on)), ("2", w(.off))], selected: "2"))\(parts.area("d", w(.note)))<p class="acts">\(parts.submit(w(.save)))\(parts.submit(w(.reverseAct), main: false, danger: true))<button class="btn" disabled>\(w(.save))</button></p></form></section>
            <section class="sec"><h2>\(w(.facts))</h2>\(parts.facts([(w(.openAmount), "1,234.50"), (w(.dueDay), w.day(asking.today))]))\(parts.stats([(w(.openAmount), "1,234.50"), (w(.overdueAmount), "234.50")]))</section>
            <section class="sec"><h2>\(w(.navAging))</h2><div class="scroll"><table class="figures"><thead><tr><th scope="col">\(w(.customer))</th><th scope="col" class="r">\(w(.openAmount))</th></tr></thead><tbody><tr><th scope="row">A<small>C0001</small></th>\(w.cell(123_450, asking.site.company.currency))</tr><tr aria-selected="true"><th scope="row">B</th>\(w.cell(-123_450, asking.site.company.currency))</tr><tr class="sub"><th scope="row">\(w(.subtotal))</th>\(w.cell(0, asking.site.company.currency))</tr></tbody><tfoot><tr class="sum"><th scope="row">\(w(.total))</th>\(w.cell(123_450, asking.site.company.currency))</tr></tfoot></table></div></section>
            <section class="sec"><h2>\(w(.whatToDo))</h2><p class="acts">\(each: Icon.allCases, { $0.html })</p>\(parts.keys([("J K", .keyRows), ("Enter", .keyOpen)]))</section>
            """)
    }
}
