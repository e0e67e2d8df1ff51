internal import Database

/// Answers that came with the beginning of a transaction, each kept until something is written that it is made of.
struct ForeseenAnswers {
    private struct Kept {
        let result: PostgresResult
        let sources: [Source]
    }

    private struct Source {
        let table: String
        /// The column that chooses its rows; `nil` for any row.
        let column: String?
        let values: Set<SQLValue>
    }

    private var kept: [SQL: Kept] = [:]
    private var tables: Set<String> = []

    init(_ answers: [(Foreseen, PostgresResult)]) {
        for (foreseen, result) in answers {
            let sources = foreseen.sources.map { source in
                switch source.choice {
                case .any: Source(table: source.table, column: nil, values: [])
                case .value(let column, let value): Source(table: source.table, column: column, values: [value])
                case .answer(let column, let place):
                    Source(
                        table: source.table, column: column,
                        values: Set((0..<result.count).map { result.value($0, place) }))
                }
            }
            kept[foreseen.question] = Kept(result: result, sources: sources)
            tables.formUnion(sources.map(\.table))
        }
    }

    func answer(_ question: SQL) -> PostgresResult? { kept.isEmpty ? nil : kept[question]?.result }

    /// A row was written.
    mutating func forget(_ insert: PostgresQueue.Insert, _ values: [SQLValue]) {
        guard !kept.isEmpty, tables.contains(insert.table) else { return }
        kept = kept.filter { entry in
            !entry.value.sources.contains { source in
                guard source.table == insert.table else { return false }
                guard let column = source.column else { return true }
                guard let place = insert.names.firstIndex(of: column), place < values.count else { return true }
                return source.values.contains(values[place])
            }
        }
    }

    /// Something else was written: all that is made of its table goes, and everything where the table can't be told.
    mutating func forget(after text: String) {
        guard !kept.isEmpty else { return }
        if ["SAVEPOINT", "RELEASE", "ROLLBACK"].contains(where: text.hasPrefix) { return }
        guard let table = PostgresQueue.changedTable(text) else { return kept = [:] }
        kept = kept.filter { entry in !entry.value.sources.contains { $0.table == table } }
    }
}
