internal import CPangoCairo
internal import Glibc
internal import Ledger

extension ReportTable {
    /// Writes the report as a PDF for A4 paper, landscape when it has more than seven columns.
    ///
    /// The heading stands on each page that has rows; totals and proof stay with the last row where
    /// they fit. A long text ends in an ellipsis (searching and copying still find all of it), but a
    /// figure is never shortened: when the figures need more than the page's width, the table is set
    /// smaller. Equal reports give equal files.
    ///
    /// - Parameter path: The file to write; an existing one is replaced. After an error it may be
    ///   incomplete.
    /// - Throws: `ReportFileError` when the file cannot be written.
    package func writePDF(to path: String) throws(ReportFileError) {
        let paper = Paper(isLandscape: columns.count > 7)
        let canvas = Canvas(paper: paper, title: title)
        let typesetter = Typesetter(table: self, paper: paper, canvas: canvas)
        let pages = typesetter.pages()
        for (index, page) in pages.enumerated() {
            typesetter.draw(page, number: index + 1, of: pages.count)
        }
        let status = canvas.close()
        guard status == CAIRO_STATUS_SUCCESS else {
            throw ReportFileError(path: path, reason: String(cString: cairo_status_to_string(status)))
        }
        let file = try ReportFileError.open(path)
        let written = fwrite(canvas.bytes, 1, canvas.bytes.count, file)
        // A full disk may show only when the file is closed.
        guard fclose(file) == 0, written == canvas.bytes.count else { throw ReportFileError(systemErrorAt: path) }
    }
}

extension ReportTable.Kind {
    /// Whether cells of this kind stand at the right edge of their column.
    var isFigure: Bool { self == .amount || self == .count }
}

extension ReportTable.Cell {
    /// The cell as it is printed: figures grouped by three, a true minus sign, days as `yyyy-MM-dd`.
    var text: String {
        switch self {
        case .text(let text): text
        case .amount(let minorUnits, let exponent): Self.figure(minorUnits, exponent: exponent)
        case .count(let count): Self.figure(Int128(count), exponent: 0)
        case .day(let day): day.description
        case .empty: ""
        }
    }

    var isNegative: Bool {
        switch self {
        case .amount(let minorUnits, _): minorUnits < 0
        case .count(let count): count < 0
        case .text, .day, .empty: false
        }
    }

    /// Whether the cell may lose its end when the page is too narrow.
    fileprivate var mayBeShortened: Bool {
        if case .text = self { true } else { false }
    }

    private static func figure(_ minorUnits: Int128, exponent: Int) -> String {
        let text = Money.decimal(of: minorUnits, exponent: exponent, grouped: true)
        return minorUnits < 0 ? "\u{2212}" + text.dropFirst() : text
    }
}

// MARK: - Layout

/// The page, in points (1/72 inch).
private struct Paper {
    let width: Double
    let height: Double
    let sideMargin = 36.0
    let topMargin = 36.0
    /// Room at the foot, which holds the footer.
    let bottomMargin = 46.0

    init(isLandscape: Bool) {
        let (short, long) = (595.276, 841.89)
        width = isLandscape ? long : short
        height = isLandscape ? short : long
    }

    var textWidth: Double { width - 2 * sideMargin }
    var textBottom: Double { height - bottomMargin }
}

/// Decides what stands where, and draws it.
private final class Typesetter {
    /// One thing that is never broken over two pages.
    enum Element {
        case title
        case note(Int)
        case heading
        case row(Int)
        case total(Int)
        case proof(Int)
        case space(Double)
    }

    struct Placed {
        let element: Element
        /// Distance of its upper edge from the top of the page.
        let top: Double
    }

    private let table: ReportTable
    private let paper: Paper
    private let canvas: Canvas
    private let columns: Columns
    private let headingHeight: Double

    private let titleFont = Font(size: 16, isBold: true)
    private let noteFont = Font(size: 8.5, isBold: false)
    private let footerFont = Font(size: 7, isBold: false)
    private var rowHeight: Double { 17 * columns.scale }

    init(table: ReportTable, paper: Paper, canvas: Canvas) {
        self.table = table
        self.paper = paper
        self.canvas = canvas
        columns = Columns(table: table, available: paper.textWidth, canvas: canvas)
        var tallest = 0.0
        for (column, span) in zip(table.columns, columns.spans) {
            tallest = max(tallest, canvas.height(of: column.title, columns.boldFont, width: span.width))
        }
        headingHeight = tallest + 5 * columns.scale
    }

    /// The elements of each page, from top to bottom.
    func pages() -> [[Placed]] {
        var pages: [[Placed]] = []
        var page: [Placed] = []
        var top = paper.topMargin
        func place(_ element: Element) {
            page.append(Placed(element: element, top: top))
            top += height(of: element)
        }
        for group in groups() {
            let needed = group.elements.reduce(0) { $0 + height(of: $1) }
            if top + needed > paper.textBottom, !page.isEmpty {
                pages.append(page)
                page = []
                top = paper.topMargin
                if group.needsHeading { place(.heading) }
            }
            group.elements.forEach(place)
        }
        return pages + [page]
    }

    /// Elements that stay on one page together.
    private struct Group {
        var elements: [Element]
        var needsHeading = false
    }

    private func groups() -> [Group] {
        let opening = [.title, .space(4)] + table.notes.indices.map(Element.note) + [.space(10)]
        var groups = opening.map { Group(elements: [$0]) }
        groups.append(Group(elements: [.heading] + table.rows.indices.prefix(1).map(Element.row)))
        groups += table.rows.indices.dropFirst().map { Group(elements: [.row($0)], needsHeading: true) }

        let totals = table.totals.indices.map(Element.total)
        let proof = (table.proof.isEmpty ? [] : [.space(10)]) + table.proof.indices.map(Element.proof)
        let ending = (totals + proof).reduce(0) { $0 + height(of: $1) }
        guard let last = groups.popLast() else { return [] }
        if ending < (paper.textBottom - paper.topMargin) / 2 {
            groups.append(Group(elements: last.elements + totals + proof, needsHeading: last.needsHeading))
        } else {
            groups.append(last)
            groups += totals.map { Group(elements: [$0], needsHeading: true) } + proof.map { Group(elements: [$0]) }
        }
        return groups
    }

    private func height(of element: Element) -> Double {
        switch element {
        case .title: canvas.height(of: table.title, titleFont, width: paper.textWidth)
        case .note(let index): canvas.height(of: table.notes[index], noteFont, width: paper.textWidth) + 1
        case .heading: headingHeight
        case .row, .total: rowHeight
        case .proof(let index): canvas.height(of: table.proof[index], noteFont, width: paper.textWidth) + 1
        case .space(let height): height
        }
    }
}

// MARK: - Drawing

extension Typesetter {
    func draw(_ page: [Placed], number: Int, of count: Int) {
        for placed in page { draw(placed.element, top: placed.top) }

        let baseline = paper.height - 26
        let counter = "\(number) / \(count)"
        let counterWidth = canvas.width(of: counter, footerFont)
        let right = paper.width - paper.sideMargin
        canvas.line(counter, footerFont, .faint, .right(right), baseline: baseline)
        let room = paper.textWidth - counterWidth - 16
        canvas.line(table.footer, footerFont, .faint, .left(paper.sideMargin, width: room), baseline: baseline)
        canvas.endPage()
    }

    private func draw(_ element: Element, top: Double) {
        switch element {
        case .title: paragraph(table.title, titleFont, .ink, top: top)
        case .note(let index): paragraph(table.notes[index], noteFont, .faint, top: top)
        case .heading: drawHeading(top: top)
        case .row(let index): drawRow(table.rows[index], top: top)
        case .total(let index): drawTotal(index, top: top)
        case .proof(let index): paragraph(table.proof[index], noteFont, .faint, top: top)
        case .space: break
        }
    }

    private func paragraph(_ text: String, _ font: Font, _ color: Color, top: Double) {
        canvas.paragraph(text, font, color, left: paper.sideMargin, top: top, width: paper.textWidth, isRight: false)
    }

    private func drawHeading(top: Double) {
        let bottom = top + headingHeight
        for (column, span) in zip(table.columns, columns.spans) {
            let height = canvas.height(of: column.title, columns.boldFont, width: span.width)
            canvas.paragraph(
                column.title, columns.boldFont, .ink, left: paper.sideMargin + span.left,
                top: bottom - height - 3 * columns.scale, width: span.width, isRight: column.kind.isFigure)
        }
        rule(at: bottom, .firm, thickness: 0.8)
    }

    private func drawRow(_ cells: [ReportTable.Cell], top: Double) {
        drawCells(cells, columns.font, top: top)
        rule(at: top + rowHeight, .hairline, thickness: 0.4)
    }

    /// Totals stand between a single and a double rule, as in a ledger.
    private func drawTotal(_ index: Int, top: Double) {
        if index == table.totals.startIndex { rule(at: top, .ink, thickness: 0.7) }
        drawCells(table.totals[index], columns.boldFont, top: top)
        guard index == table.totals.indices.last else { return }
        rule(at: top + rowHeight, .ink, thickness: 0.5)
        rule(at: top + rowHeight + 1.8, .ink, thickness: 0.5)
    }

    private func drawCells(_ cells: [ReportTable.Cell], _ font: Font, top: Double) {
        // A capital letter is 0.73 of the font's size high; that much is centred in the row.
        let baseline = top + (rowHeight + 0.73 * font.size) / 2
        for (index, (cell, span)) in zip(cells, columns.spans).enumerated() where cell != .empty {
            let left = paper.sideMargin + span.left
            let place: Canvas.Place
            if table.columns[index].kind.isFigure {
                place = .right(left + span.width, width: cell.mayBeShortened ? span.width : nil)
            } else {
                place = .left(left, width: cell.mayBeShortened ? span.width : nil)
            }
            canvas.line(cell.text, font, cell.isNegative ? .negative : .ink, place, baseline: baseline)
        }
    }

    private func rule(at height: Double, _ color: Color, thickness: Double) {
        canvas.rule(
            from: paper.sideMargin, to: paper.width - paper.sideMargin, at: height, color, thickness: thickness)
    }
}

/// How the page's width is shared out among the columns.
private struct Columns {
    struct Span {
        /// Distance from the left margin.
        let left: Double
        let width: Double
    }

    let spans: [Span]
    /// 1, or less when the figures would not fit the page at their usual size.
    let scale: Double
    let font: Font
    let boldFont: Font

    private static let size = 8.5
    private static let gap = 11.0
    /// As much of a long text as stays readable; narrower is only what is shorter.
    private static let shortestText = 84.0

    init(table: ReportTable, available: Double, canvas: Canvas) {
        let widths = Self.measure(table, canvas)
        // The last gap hangs over the margin, so that the last column ends at it.
        let room = available + Self.gap
        let natural = widths.map { $0.natural + Self.gap }
        let least = widths.map { $0.least + Self.gap }
        let naturalSum = natural.reduce(0, +)
        let leastSum = least.reduce(0, +)

        var shares = natural
        var scale = 1.0
        if naturalSum <= room {
            shares = natural.map { $0 * room / naturalSum }
        } else if leastSum <= room {
            let part = (room - leastSum) / (naturalSum - leastSum)
            shares = zip(natural, least).map { $1 + ($0 - $1) * part }
        } else {
            scale = available / (leastSum - Self.gap)
            shares = least.map { $0 * scale }
        }

        var left = 0.0
        spans = shares.map { share in
            defer { left += share }
            return Span(left: left, width: share - Self.gap * scale)
        }
        self.scale = scale
        font = Font(size: Self.size * scale, isBold: false)
        boldFont = Font(size: Self.size * scale, isBold: true)
    }

    /// For each column the width that shows all of it, and the least that hides no figure.
    private static func measure(_ table: ReportTable, _ canvas: Canvas) -> [(natural: Double, least: Double)] {
        let font = Font(size: size, isBold: false)
        let boldFont = Font(size: size, isBold: true)
        return table.columns.indices.map { index in
            let heading = table.columns[index].title
            let headingWidth = canvas.width(of: heading, boldFont)
            var natural = headingWidth
            var least = max(headingWidth * 0.6, longestWord(of: heading, boldFont, canvas))
            for (rows, font) in [(table.rows, font), (table.totals, boldFont)] {
                for row in rows where index < row.count && row[index] != .empty {
                    let width = canvas.width(of: row[index].text, font)
                    natural = max(natural, width)
                    least = max(least, row[index].mayBeShortened ? min(width, shortestText) : width)
                }
            }
            // Rounding must not turn the last letter into an ellipsis.
            return (natural + 0.5, least + 0.5)
        }
    }

    /// A heading may break between words, and between any two Chinese characters.
    private static func longestWord(of heading: String, _ font: Font, _ canvas: Canvas) -> Double {
        let words = heading.split(separator: " ").filter { $0.utf8.allSatisfy { $0 < 0x80 } }
        return words.map { canvas.width(of: String($0), font) }.max() ?? 0
    }
}

// MARK: - Canvas

private struct Font: Hashable {
    /// In points.
    let size: Double
    let isBold: Bool
}

/// Colours of print: ink on white, and the one red.
private enum Color {
    case ink, faint, firm, hairline, negative

    var components: (red: Double, green: Double, blue: Double) {
        switch self {
        case .ink: (0, 0, 0)
        case .faint: (0.27, 0.27, 0.27)
        case .firm: (0.53, 0.53, 0.53)
        case .hairline: (0.8, 0.8, 0.8)
        case .negative: (0.69, 0.16, 0.11)
        }
    }
}

/// A PDF in memory to draw on, with one text layout that serves for all texts.
///
/// Cairo could write the file itself, but it does not say when the disk is full.
private final class Canvas {
    enum Place {
        case left(Double, width: Double? = nil)
        case right(Double, width: Double? = nil)
    }

    /// The PDF; whole after `close`.
    var bytes: [UInt8] { output.bytes }

    /// Has its own address, to which cairo writes.
    private final class Output { var bytes: [UInt8] = [] }

    private let output = Output()
    private let surface: OpaquePointer?
    private let context: OpaquePointer?
    private let layout: OpaquePointer?
    private var descriptions: [Font: OpaquePointer] = [:]
    private var currentFont: Font?

    init(paper: Paper, title: String) {
        let append: cairo_write_func_t = { target, bytes, count in
            guard let target else { return CAIRO_STATUS_WRITE_ERROR }
            let output = Unmanaged<Output>.fromOpaque(target).takeUnretainedValue()
            output.bytes.append(contentsOf: UnsafeBufferPointer(start: bytes, count: Int(count)))
            return CAIRO_STATUS_SUCCESS
        }
        let target = Unmanaged.passUnretained(output).toOpaque()
        surface = cairo_pdf_surface_create_for_stream(append, target, paper.width, paper.height)
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, title.storable)
        // Always the same, so that equal reports give equal files.
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, "2000-01-01T00:00:00Z")
        context = cairo_create(surface)
        layout = pango_cairo_create_layout(context)
        let textContext = pango_layout_get_context(layout)
        // The process's locale must decide neither the shapes of Han characters nor line breaks.
        pango_context_set_language(textContext, pango_language_from_string("zh-cn"))
        // Whole points are for screens; on paper they set letters unevenly.
        pango_context_set_round_glyph_positions(textContext, 0)
        pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR)
    }

    deinit {
        for description in descriptions.values { pango_font_description_free(description) }
        g_object_unref(UnsafeMutableRawPointer(layout))
        cairo_destroy(context)
        cairo_surface_destroy(surface)
    }

    func endPage() { cairo_show_page(context) }

    /// Ends the PDF; nothing may be drawn afterwards.
    func close() -> cairo_status_t {
        cairo_surface_finish(surface)
        let status = cairo_status(context)
        return status == CAIRO_STATUS_SUCCESS ? cairo_surface_status(surface) : status
    }

    func width(of text: String, _ font: Font) -> Double {
        prepare(text, font, width: nil, shortens: false)
        return size().width
    }

    /// The height of a text that is broken into lines of `width`.
    func height(of text: String, _ font: Font, width: Double) -> Double {
        prepare(text, font, width: width, shortens: false)
        return size().height
    }

    /// Draws a text on one line, and ends it with an ellipsis where it is wider than its place.
    func line(_ text: String, _ font: Font, _ color: Color, _ place: Place, baseline: Double) {
        switch place {
        case .left(let left, let width):
            prepare(text, font, width: width, shortens: width != nil)
            move(to: left, baseline, color)
        case .right(let right, let width):
            prepare(text, font, width: width, shortens: width != nil)
            move(to: right - size().width, baseline, color)
        }
        pango_cairo_show_layout_line(context, pango_layout_get_line_readonly(layout, 0))
    }

    func paragraph(
        _ text: String, _ font: Font, _ color: Color, left: Double, top: Double, width: Double, isRight: Bool
    ) {
        prepare(text, font, width: width, shortens: false)
        pango_layout_set_alignment(layout, isRight ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT)
        move(to: left, top, color)
        pango_cairo_show_layout(context, layout)
        pango_layout_set_alignment(layout, PANGO_ALIGN_LEFT)
    }

    func rule(from left: Double, to right: Double, at height: Double, _ color: Color, thickness: Double) {
        move(to: left, height, color)
        cairo_line_to(context, right, height)
        cairo_set_line_width(context, thickness)
        cairo_stroke(context)
    }

    private func move(to left: Double, _ top: Double, _ color: Color) {
        let (red, green, blue) = color.components
        cairo_set_source_rgb(context, red, green, blue)
        cairo_move_to(context, left, top)
    }

    private func prepare(_ text: String, _ font: Font, width: Double?, shortens: Bool) {
        if font != currentFont {
            pango_layout_set_font_description(layout, description(of: font))
            currentFont = font
        }
        pango_layout_set_single_paragraph_mode(layout, shortens ? 1 : 0)
        pango_layout_set_width(layout, width.map { Int32($0 * Double(PANGO_SCALE)) } ?? -1)
        pango_layout_set_ellipsize(layout, shortens ? PANGO_ELLIPSIZE_END : PANGO_ELLIPSIZE_NONE)
        pango_layout_set_text(layout, text.storable, -1)
    }

    /// The size of the prepared text, in points.
    private func size() -> (width: Double, height: Double) {
        var width: Int32 = 0
        var height: Int32 = 0
        pango_layout_get_size(layout, &width, &height)
        return (Double(width) / Double(PANGO_SCALE), Double(height) / Double(PANGO_SCALE))
    }

    private func description(of font: Font) -> OpaquePointer? {
        if let known = descriptions[font] { return known }
        guard let description = pango_font_description_new() else { return nil }
        // Without the script's name the Japanese shapes of the same characters could be chosen.
        pango_font_description_set_family(description, "Noto Sans CJK SC")
        pango_font_description_set_weight(description, font.isBold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL)
        pango_font_description_set_absolute_size(description, font.size * Double(PANGO_SCALE))
        descriptions[font] = description
        return description
    }
}
