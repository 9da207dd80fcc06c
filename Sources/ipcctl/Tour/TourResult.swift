/// What a stop found.
struct TourResult: Sendable {
    /// How many messages were compared with what they had to be.
    var messagesChecked = 0
    /// Single round trips, in no order.
    var roundTrips: [Duration] = []
    /// Bytes that went one way, and how long that took.
    var byteCount = 0
    var streamTime = Duration.zero
    /// From the kill to the news of it.
    var deathNotice = Duration.zero
}

/// A message that was not what it had to be, or an outcome that must not be.
struct TourFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Fails the stop unless `condition` holds.
func require(_ condition: Bool, _ otherwise: @autoclosure () -> String) throws(TourFailure) {
    if !condition { throw TourFailure(otherwise()) }
}
