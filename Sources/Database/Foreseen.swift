/// A question that a write transaction will ask, known before it begins.
///
/// A server answers all that are foreseen along with the beginning, so that nobody waits for each. An answer holds as
/// long as the transaction writes none of the rows that it is made of; afterwards the question is asked anew.
package struct Foreseen: Sendable {
    /// Rows that an answer is made of.
    package struct Source: Sendable {
        package enum Choice: Sendable {
            /// Any row of the table.
            case any
            /// Those whose column has the value.
            case value(column: String, SQLValue)
            /// Those whose column has what the answer has in one of its own, counted from 0.
            case answer(column: String, place: Int)
        }

        package let table: String
        package let choice: Choice

        package init(_ table: String, _ choice: Choice = .any) {
            self.table = table
            self.choice = choice
        }
    }

    /// The row that every write transaction holds, with what it says. A server that locks rows answers it with the lock.
    package static let head = Foreseen(
        "SELECT last_act, last_fact, last_hash, last_instant FROM head WHERE id = 1", from: [Source("head")])

    /// Asked with just this text and these values.
    package let question: SQL
    package let sources: [Source]

    package init(_ question: SQL, from sources: [Source]) {
        self.question = question
        self.sources = sources
    }
}
