internal import Database

/// Answers that came with the beginning of a transaction, each kept until something is written that it is made of.
struct ForeseenAnswers {
    private var kept: [SQL: PostgresResult] = [:]
    /// Questions whose answer is made of rows of a table.
    private var tables: [String: Table] = [:]

    private struct Table {
        /// Of any row.
        var any: [SQL] = []
        /// Of rows with a value in a column.
        var columns: [String: [SQLValue: [SQL]]] = [:]

        var all: [SQL] { any + columns.values.flatMap { $0.values.flatMap { $0 } } }
    }

    init(_ answers: [(Foreseen, PostgresResult)]) {
        for (foreseen, result) in answers {
            let question = foreseen.question
            kept[question] = result
            for source in foreseen.sources {
                switch source.choice {
                case .any: tables[source.table, default: Table()].any.append(question)
                case .value(let column, let value):
                    tables[source.table, default: Table()].columns[column, default: [:]][value, default: []]
                        .append(question)
                case .answer(let column, let place):
                    // Where there is no row yet, none of this table is a part of the answer.
                    for row in 0..<result.count {
                        tables[source.table, default: Table()].columns[column, default: [:]][
                            result.value(row, place), default: []
                        ].append(question)
                    }
                }
            }
        }
    }

    func answer(_ question: SQL) -> PostgresResult? { kept.isEmpty ? nil : kept[question] }

    /// A row was written.
    mutating func forget(_ insert: PostgresQueue.Insert, _ values: [SQLValue]) {
        guard !kept.isEmpty, let table = tables[insert.table] else { return }
        for question in table.any { kept[question] = nil }
        for (column, questions) in table.columns {
            if let place = insert.names.firstIndex(of: column), place < values.count {
                for question in questions[values[place]] ?? [] { kept[question] = nil }
            } else {
                for question in questions.values.flatMap({ $0 }) { kept[question] = nil }
            }
        }
    }

    /// Something else was written: all that is made of its table goes, and everything where the table can't be told.
    mutating func forget(after text: String) {
        guard !kept.isEmpty else { return }
        if ["SAVEPOINT", "RELEASE", "ROLLBACK"].contains(where: text.hasPrefix) { return }
        guard let table = PostgresQueue.changedTable(text) else { return kept = [:] }
        for question in tables[table]?.all ?? [] { kept[question] = nil }
    }
}
