/// What happens in the sample company on one day.
package struct SampleDay: Hashable, Sendable {
    /// The files of the day in the order in which they have to be imported; none without lines.
    package let files: [SampleFile]
    /// The pauses that begin on this day, on invoices that are registered and open then.
    package let pauses: [SamplePause]
    /// How much of the open task list the staff gets done, from 0 (nobody works) to 1 (all of it).
    package let finishedTaskShare: Double
}
