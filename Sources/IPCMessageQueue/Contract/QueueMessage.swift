/// A message of a queue: what it says, and the label by which the queue orders and selects it.
///
/// ```swift
/// try await queue.send(QueueMessage(payload: Array("print".utf8), priority: 5))
/// ```
public struct QueueMessage<Payload: Sendable>: Sendable {
    /// What the message says.
    public var payload: Payload
    /// How the queue orders and selects it.
    public var label: QueueLabel

    /// A message with a label.
    public init(payload: Payload, label: QueueLabel) {
        self.payload = payload
        self.label = label
    }

    /// A message of this priority and type.
    public init(payload: Payload, priority: Int = 0, type: Int = 1) {
        self.init(payload: payload, label: QueueLabel(priority: priority, type: type))
    }

    /// Messages of a higher priority are received first. 0 where nothing was said.
    public var priority: Int {
        get { label.priority }
        set { label.priority = newValue }
    }

    /// A number, 1 or above, by which receivers select. 1 where nothing was said.
    public var type: Int {
        get { label.type }
        set { label.type = newValue }
    }
}

extension QueueMessage: Equatable where Payload: Equatable {}
extension QueueMessage: Hashable where Payload: Hashable {}

/// What a queue knows of a message beside its bytes.
///
/// Not every queue carries all of it: a POSIX queue has priorities and no types, a System V queue types and no
/// priorities. What a queue cannot carry is refused (`.invalidArgument`) unless it is the default, never dropped.
public struct QueueLabel: Sendable, Hashable {
    /// Messages of a higher priority are received first; those of one priority in the order in which they were sent.
    public var priority: Int
    /// A number, 1 or above, by which receivers select. See ``QueueSelection``.
    public var type: Int
    /// Of a message that was received: its end was cut off, as the receiver allowed. Nothing on the way out.
    public internal(set) var isTruncated = false
    /// Of a message that was received: how often it has been given out, this time included. More than 1 where an earlier
    /// receiver died with it or gave it back. Nothing on the way out.
    public internal(set) var deliveryCount = 1
    /// Of a message from a mailbox: where its sender waits for an answer.
    var returnAddress = ReturnAddress.none

    /// Of a message that was received: whether its sender waits for an answer. See ``QueueMessage/reply(_:until:)``.
    public var isRequest: Bool { returnAddress != .none }

    /// A label. The defaults are what every queue carries.
    public init(priority: Int = 0, type: Int = 1) {
        self.priority = priority
        self.type = type
    }

    /// Priority 0, type 1.
    public static let standard = QueueLabel()
}
