/// A path with places, as routes and operations have it: `/customers/{code}`.
struct PathPattern: Sendable {
    private let segments: [String]

    init(_ path: String) { segments = path.split(separator: "/").map(String.init) }

    /// The values of the places when a path fits. Segments are decoded one by one, so that a number with a slash stays
    /// one segment.
    func match(_ path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var places: [String: String] = [:]
        for (segment, given) in zip(segments, path) {
            if segment.hasPrefix("{") {
                places[String(segment.dropFirst().dropLast())] = given
            } else if segment != given {
                return nil
            }
        }
        return places
    }

    /// How specific it is: a fixed segment goes before a place.
    var fixedSegments: Int { segments.filter { !$0.hasPrefix("{") }.count }

    /// The names of its places, in their order.
    var places: [String] { segments.filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) } }

    var first: String { segments.first ?? "" }
}
