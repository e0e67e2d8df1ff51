/// The part a customer plays in the stories that a demonstration tells.
enum CustomerRole: Hashable, Sendable {
    case ordinary
    /// Pays for its subsidiaries, which have the same group number.
    case groupParent(group: Int)
    case groupMember(group: Int)
    /// Pays as agreed, then never again.
    case stopsEarly
    case stopsLate
    /// Pays later from month to month.
    case worsens
    /// Refuses its largest invoice.
    case disputes
    /// Pays one large invoice twice.
    case paysTwice
    /// The same company, entered again by somebody else.
    case duplicated(pair: Int)
    case duplicate(pair: Int)
}
