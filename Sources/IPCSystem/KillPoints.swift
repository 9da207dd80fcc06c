import Synchronization

/// Named places in the code at which a process can ask to be killed. Compiled into debug builds alone.
///
/// A process started with `IPC_KILL_POINT=name:n` gets SIGKILL at the n-th passage of that point, in whatever thread it
/// is. Without the variable a passage costs one load.
@usableFromInline
package enum KillPoints {
    /// The variable of the environment that asks for it.
    package static let variable = "IPC_KILL_POINT"

    private struct Request {
        let name: String
        let passage: Int
    }

    private static let request: Request? = {
        guard let value = TestingCalls.startVariable(variable) else { return nil }
        // The last colon, because a name may have some itself.
        guard let colon = value.lastIndex(of: ":"), let passage = Int(value[value.index(after: colon)...]), passage > 0
        else {
            TestingCalls.report("\(variable)=\(value) is not NAME:NUMBER\n")
            TestingCalls.abort()
        }
        return Request(name: String(value[..<colon]), passage: passage)
    }()

    private static let passages = Atomic<Int>(0)

    private struct Armed {
        let request: Request
        let lastWords: () -> Void
    }

    private static let isArmed = Atomic<Bool>(false)
    private static let armed = Lock<Armed?>(nil)

    /// Asks for it from within, instead of the variable: for the child of a fork. `lastWords` runs just before.
    package static func arm(_ name: String, passage: Int, _ lastWords: @escaping @Sendable () -> Void = {}) {
        armed.withLock { $0 = Armed(request: Request(name: name, passage: passage), lastWords: lastWords) }
        isArmed.store(true, ordering: .sequentiallyConsistent)
    }

    /// Ends the process if it was asked to die here, now.
    @inlinable
    @inline(__always)
    package static func pass(_ name: StaticString) {
        #if DEBUG
            passArmed(name)
        #endif
    }

    @usableFromInline
    @inline(never)
    static func passArmed(_ name: StaticString) {
        let armed = isArmed.load(ordering: .relaxed) ? armed.withLock { $0 } : nil
        guard let request = armed?.request ?? request, request.name == name.description else { return }
        if passages.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue == request.passage {
            armed?.lastWords()
            TestingCalls.killSelf()
        }
    }
}
