package import Formats
internal import Foundation
internal import Ledger
package import OpenItems
internal import Receivables

extension AgingReport {
    /// The report as the JSON document of spec 10.1.
    package func json(_ catalogue: Catalogue) -> JSONValue {
        .object([
            "asOf": .string("\(asOf)"), "knownAt": .string("\(known.instant)"), "act": .string("\(known.act)"),
            "basis": .string(buckets.basis.rawValue),
            "buckets": .array(
                buckets.buckets.indices.map { index in
                    .object([
                        "label": .string(catalogue.label(of: buckets.buckets[index])),
                        "code": .string(buckets.buckets[index].code), "from": Self.bound(buckets.first(of: index)),
                        "to": Self.bound(buckets.buckets[index].last),
                    ])
                }),
            "rows": .array(rows.map(Self.json)), "totals": .array(totals.map(Self.json)),
            "proof": .array(
                proof.map { proof in
                    func decimal(_ amount: Int128) -> JSONValue {
                        .string(Money.decimal(of: amount, exponent: proof.currency.exponent))
                    }
                    return .object([
                        "currency": .string(proof.currency.code), "buckets": decimal(proof.buckets),
                        "control": decimal(proof.control), "unapplied": decimal(proof.unapplied),
                        "waiting": decimal(proof.waiting), "holds": .bool(proof.holds),
                    ])
                }),
            "filters": .array(filters.map(JSONValue.string)),
            "concentration": .array(
                concentration.map { entry in
                    .object([
                        "currency": .string(entry.currency.code), "topTenShare": .string(Self.percent(entry.topTen)),
                        "herfindahl": .count(entry.index),
                    ])
                }),
            "translated": translated.total.map(Self.json) ?? .null,
            "untranslated": .array(translated.missing.map { .string($0.code) }),
        ])
    }

    /// Hundredths of a per cent as a per cent number.
    static func percent(_ hundredths: Int) -> String { Money.decimal(of: Int128(hundredths), exponent: 2) }

    /// Days as numbers; months and years as `6m`.
    private static func bound(_ bound: BucketSet.Bound?) -> JSONValue {
        switch bound {
        case .days(let days)?: .count(days)
        case .months(let months)?: .string("\(months)m")
        case nil: .null
        }
    }

    private static func json(_ row: Row) -> JSONValue {
        func decimal(_ amount: Int128) -> JSONValue {
            .string(Money.decimal(of: amount, exponent: row.currency.exponent))
        }
        return .object([
            "key": .string(row.key), "name": .string(row.name), "currency": .string(row.currency.code),
            "open": decimal(row.open), "buckets": .array(row.buckets.map(decimal)), "unapplied": decimal(row.unapplied),
        ])
    }

    /// The report as a table in the catalogue's language, largest open amounts first.
    package func table(_ catalogue: Catalogue) -> ReportTable {
        let title: TextKey =
            switch buckets.basis {
            case .due: .agingTitleDue
            case .invoice: .agingTitleInvoice
            case .recognition: .agingTitleRecognition
            }
        let showsName = dimensions == [.customer] || dimensions == [.group]
        let keyTitle = dimensions.map { catalogue.text("dimension.\($0.rawValue)") }.joined(separator: " / ")
        var columns = [ReportTable.Column(keyTitle, .text)]
        if showsName { columns.append(ReportTable.Column(catalogue.text(.agingName), .text)) }
        columns.append(ReportTable.Column(catalogue.text(.agingCurrency), .text))
        columns.append(ReportTable.Column(catalogue.text(.agingOpen), .amount))
        columns += buckets.buckets.map { ReportTable.Column(catalogue.label(of: $0), .amount) }
        columns.append(ReportTable.Column(catalogue.text(.agingUnapplied), .amount))

        func cells(_ row: Row, key: String, name: String) -> [ReportTable.Cell] {
            let exponent = row.currency.exponent
            var cells: [ReportTable.Cell] = [.text(key)]
            if showsName { cells.append(.text(name)) }
            cells.append(.text(row.currency.code))
            cells.append(.amount(row.open, exponent: exponent))
            cells += row.buckets.map { .amount($0, exponent: exponent) }
            cells.append(.amount(row.unapplied, exponent: exponent))
            return cells
        }
        let unknown = catalogue.text(showsName ? .agingUnknownPayer : .agingNoKey)
        func shown(_ key: String) -> String {
            zip(key.components(separatedBy: " / "), dimensions).map { part, dimension in
                if part.isEmpty { return unknown }
                guard dimension == .kind || dimension == .size else { return part }
                return catalogue.text("\(dimension.rawValue).\(part)")
            }.joined(separator: " / ")
        }
        let sorted = rows.sorted { ($1.currency, $0.open, $1.key) > ($0.currency, $1.open, $0.key) }
        let body = sorted.map { row in
            cells(row, key: shown(row.key), name: row.name)
        }
        let total = catalogue.text(.agingTotal)
        var foot = totals.map { cells($0, key: total, name: "") }
        if let row = translated.total {
            foot.append(
                cells(row, key: catalogue.text(.agingTranslated, ["currency": .text(row.currency.code)]), name: ""))
        }
        let asOfText = catalogue.text(.agingAsOf, ["day": .day(asOf)])
        let knownText = catalogue.text(
            .agingKnownAt, ["act": .text("\(known.act)"), "instant": .text("\(known.instant)")])
        let filterText =
            filters.isEmpty ? "" : catalogue.text(.agingFilters, ["filters": .text(filters.joined(separator: ", "))])
        return ReportTable(
            title: catalogue.text(title),
            notes: [company.name, "\(asOfText) · \(knownText)", filterText].filter { !$0.isEmpty },
            columns: columns, rows: body, totals: foot, proof: proofLines(catalogue),
            footer: "\(company.name) · \(asOfText) · \(knownText)", sheetName: catalogue.text(title))
    }

    /// The proof as sentences.
    package func proofLines(_ catalogue: Catalogue) -> [String] {
        var lines = proof.map { proof in
            func text(_ amount: Int128) -> Refusal.Parameter {
                .text(Money.decimal(of: amount, exponent: proof.currency.exponent, grouped: true))
            }
            return catalogue.text(
                proof.holds ? .agingProofHolds : .agingProofFails,
                [
                    "currency": .text(proof.currency.code), "buckets": text(proof.buckets),
                    "control": text(proof.control),
                    "difference": text(proof.buckets - proof.control), "unapplied": text(proof.unapplied),
                    "waiting": text(proof.waiting),
                ])
        }
        for entry in concentration where rows.count > 10 {
            lines.append(
                catalogue.text(
                    .agingConcentration,
                    [
                        "currency": .text(entry.currency.code), "share": .text(Self.percent(entry.topTen)),
                        "index": .count(entry.index),
                    ]))
        }
        if !translated.missing.isEmpty {
            let codes = translated.missing.map(\.code).joined(separator: ", ")
            lines.append(catalogue.text(.agingUntranslated, ["currencies": .text(codes)]))
        }
        return lines
    }
}

extension Catalogue {
    /// The label of a bucket: of a standard one in the reader's language, of another its own code.
    package func label(of bucket: BucketSet.Bucket) -> String {
        let key = "bucket.\(bucket.code)"
        return keys.contains(key) ? text(key) : bucket.code
    }
}
