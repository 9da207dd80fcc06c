import Glibc

/// A thread as a host program makes them, with no signal blocked.
enum HostThread {
    private final class Body {
        let run: () -> Void
        init(_ run: @escaping () -> Void) { self.run = run }
    }

    struct CannotStart: Error {
        let number: Int32
    }

    static func start(_ run: @escaping @Sendable () -> Void) throws {
        var thread: pthread_t = 0
        let context = unsafe Unmanaged.passRetained(Body(run)).toOpaque()
        let result = unsafe pthread_create(
            &thread, nil,
            { context in
                var set = sigset_t()
                unsafe sigemptyset(&set)
                unsafe pthread_sigmask(SIG_SETMASK, &set, nil)
                unsafe Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, context)
        guard result == 0 else {
            unsafe Unmanaged<Body>.fromOpaque(context).release()
            throw CannotStart(number: result)
        }
        pthread_detach(thread)
    }
}
