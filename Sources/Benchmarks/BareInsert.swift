import CSQLite
import Foundation

/// The floor of an import: the same rows of the same tables put into the same schema by prepared
/// statements and nothing else, in one transaction with `synchronous = FULL`.
struct BareInsert {
    /// Reads rows of `table` with numbers above `from` out of one store and times putting them into another.
    static func run(from source: String, into target: String, tables: [(name: String, key: String)]) -> Measure? {
        var input: OpaquePointer?
        var output: OpaquePointer?
        guard sqlite3_open(source, &input) == SQLITE_OK, sqlite3_open(target, &output) == SQLITE_OK else { return nil }
        defer {
            sqlite3_close(input)
            sqlite3_close(output)
        }
        for text in [
            "PRAGMA synchronous = FULL", "PRAGMA cache_size = -131072", "PRAGMA foreign_keys = ON", "BEGIN IMMEDIATE",
        ] {
            sqlite3_exec(output, text, nil, nil, nil)
        }
        var wall = 0.0
        var processor = 0.0
        for table in tables {
            var reading: OpaquePointer?
            var writing: OpaquePointer?
            sqlite3_prepare_v2(input, "SELECT * FROM \(table.name) ORDER BY \(table.key)", -1, &reading, nil)
            let columns = sqlite3_column_count(reading)
            let places = (1...max(columns, 1)).map { "?\($0)" }.joined(separator: ",")
            sqlite3_prepare_v2(output, "INSERT INTO \(table.name) VALUES (\(places))", -1, &writing, nil)
            defer {
                sqlite3_finalize(reading)
                sqlite3_finalize(writing)
            }
            var isDone = false
            while !isDone {
                // Reading is not part of the floor, so it is done outside of the time.
                var values: [OpaquePointer?] = []
                while values.count < 20_000 * Int(columns) {
                    guard sqlite3_step(reading) == SQLITE_ROW else {
                        isDone = true
                        break
                    }
                    for column in 0..<columns {
                        values.append(sqlite3_value_dup(sqlite3_column_value(reading, column)))
                    }
                }
                let (measure, _) = Measure.take {
                    var index = 0
                    while index < values.count {
                        for column in 0..<columns {
                            sqlite3_bind_value(writing, column + 1, values[index + Int(column)])
                        }
                        sqlite3_step(writing)
                        sqlite3_reset(writing)
                        index += Int(columns)
                    }
                }
                wall += measure.wall
                processor += measure.processor
                for value in values { sqlite3_value_free(value) }
            }
        }
        let (commit, _) = Measure.take { _ = sqlite3_exec(output, "COMMIT", nil, nil, nil) }
        return Measure(wall: wall + commit.wall, processor: processor + commit.processor)
    }
}
