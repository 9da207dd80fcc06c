import IPCSystem
import Synchronization

/// Where a message waits for the one task that sends what could not be sent at once.
package final class Doorbell: Sendable {
    private struct State {
        var message: [UInt8]?
        var hasRung = false
        var sleeper: Sleeper<Void>?
    }

    private let state = Lock(State())

    package init() {}

    /// Leaves a message. There is one at a time: whoever leaves it is the sender until it is gone.
    package func leave(_ message: [UInt8]) {
        wake { $0.message = message }
    }

    /// Wakes the task without a message, so that it looks whether it is to go on.
    package func ring() {
        wake { $0.hasRung = true }
    }

    /// The next message; nil when `goesOn` is false.
    package func wait(while goesOn: () -> Bool) async -> [UInt8]? {
        while goesOn() {
            if let message = state.withLock({ $0.message.take() }) { return message }
            await Sleeper.sleep { sleeper in
                let mustWake = state.withLock { state in
                    guard state.message == nil, !state.hasRung else {
                        state.hasRung = false
                        return true
                    }
                    state.sleeper = sleeper
                    return false
                }
                if mustWake { sleeper.wake() }
            }
        }
        return nil
    }

    private func wake(_ change: (inout State) -> Void) {
        let sleeper = state.withLock { state in
            change(&state)
            guard let sleeper = state.sleeper.take() else { return nil as Sleeper<Void>? }
            state.hasRung = false
            return sleeper
        }
        sleeper?.wake()
    }
}
