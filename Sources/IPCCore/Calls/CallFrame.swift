/// What a frame of the call protocol says. See the section "Calls" of `Documentation/WireFormat.md`.
package enum CallKind: UInt8, Sendable {
    case hello = 1
    case request = 2
    case reply = 3
    case item = 4
    case end = 5
    case failure = 6
    case cancel = 7
    case credit = 8
    case declined = 9
    /// Between a pool and its workers alone, as `declined` is.
    case progress = 10
    case replyWithParcel = 11
    case goodbye = 12
}

/// One frame as it came in; `body` is what follows the header, and is valid only while the message is being read.
package struct CallHeader: Sendable, Equatable {
    package var kind: CallKind
    package var id: UInt64
    /// Of a request: how many requests it is nested in. See ``CallWire/maximumDepth``.
    package var depth: Int

    package init(kind: CallKind, id: UInt64, depth: Int = 0) {
        self.kind = kind
        self.id = id
        self.depth = depth
    }
}

/// The first frame of each side.
package struct CallHello: Sendable, Equatable {
    /// The version of the protocol that the sender speaks.
    package var version: UInt32
    /// How many requests the sender serves at once. The peer never has more unanswered.
    package var requestLimit: UInt32
    /// What the layer above has to say at the start.
    package var payload: [UInt8]

    package init(version: UInt32 = CallWire.version, requestLimit: UInt32, payload: [UInt8] = []) {
        self.version = version
        self.requestLimit = requestLimit
        self.payload = payload
    }
}

/// The fixed part of a request's body.
package struct CallRequestFields: Sendable, Equatable {
    /// Nanoseconds that were left when the request was written; `.max` means no limit.
    package var remaining: UInt64
    /// 0: one reply. Otherwise a stream, of which so many items may be on their way.
    package var window: UInt32
    /// What is asked for, as the layer above numbers it.
    package var method: UInt32

    package init(remaining: UInt64 = .max, window: UInt32 = 0, method: UInt32) {
        self.remaining = remaining
        self.window = window
        self.method = method
    }
}

/// The numbers of the call protocol.
package enum CallWire {
    package static let magic: UInt32 = 0x4343_5049  // the bytes "IPCC"
    package static let version: UInt32 = 2
    /// Length, kind, padding, id.
    package static let headerSize = 16
    package static let requestFieldsSize = 16
    package static let helloFieldsSize = 16
    package static let failureFieldsSize = 8
    /// Names and messages of failures are cut to this, so that a failure always fits.
    package static let maximumTextSize = 8 * 1024

    /// No peer is believed to serve more at once.
    package static let maximumRequests = 65_536
    /// How deep calls may call back: a call that a handler makes over the connection that its own request came over is one
    /// deeper than that. Each depth has its own places, so no one waits for a place that is held by who waits for it.
    package static let maximumDepth = 7
    /// Every channel for calls takes messages of this size: a failure without its texts.
    package static let smallestMessageSize = 256

    package static func violation(_ what: String) -> IPCError {
        IPCError(.protocolViolation, "the peer broke the call protocol: \(what); the connection is ended")
    }
}
