import IPCSystem

extension ChildProcess {
    /// How the child ended; waits for it. Every caller gets the same answer, as often as it asks.
    ///
    /// Other processes that hold the child's streams open do not delay it. waitid(2) on the pidfd, epoll(7).
    ///
    /// - Throws: `.timedOut` or `.cancelled` while it runs on; `.statusUnavailable` when another part of the program
    ///   took the status (waitpid(-1), or SIGCHLD ignored) and the kernel, before Linux 6.15, does not remember it.
    @discardableResult
    public func exitStatus(until deadline: Deadline = .never) async throws(IPCError) -> ExitStatus {
        if let status = try handle.takeStatus() { return status }
        while true {
            try await handle.waitForEnd(until: deadline)
            if let status = try handle.takeStatus() { return status }
        }
    }

    /// Waits until the child has ended, and leaves its status in the kernel: what is left of its group can still be found
    /// by ``kill()``, also before Linux 6.9.
    ///
    /// - Throws: `.timedOut` or `.cancelled` while it runs on.
    package func waitForEnd(until deadline: Deadline = .never) async throws(IPCError) {
        try await handle.waitForEnd(until: deadline)
    }

    /// How the child ended, if it has.
    ///
    /// - Returns: nil while it runs.
    /// - Throws: `.statusUnavailable` as ``exitStatus(until:)`` does.
    public func exitStatusIfEnded() throws(IPCError) -> ExitStatus? { try handle.takeStatus() }

    /// Sends a signal to the child alone. pidfd_send_signal(2).
    ///
    /// - Throws: `.notFound` once the child has ended and its status was taken.
    public func send(_ signal: Signal) throws(IPCError) { try handle.signal(signal) }

    /// Sends a signal to the child and to everything in the process group that it leads (``Group/own``,
    /// ``Group/session``), even when the child itself has ended; to the child alone if it leads none.
    ///
    /// - Returns: false when there was nobody left to send it to.
    @discardableResult
    public func sendToTree(_ signal: Signal) throws(IPCError) -> Bool { try handle.signalTree(signal) }

    /// Ends the child and everything in its process group: asks with SIGTERM, waits for the child to end, and after
    /// `grace` (5 seconds) sends SIGKILL. What is left of the group when the child has ended gets SIGKILL as well.
    ///
    /// Cancellation cuts the grace short; the child is ended all the same.
    ///
    /// - Returns: how it ended, which is how it had ended if it was over already.
    /// - Throws: as ``exitStatus(until:)``, save `.timedOut` and `.cancelled`.
    @discardableResult
    public func terminate(grace: Duration = .seconds(5)) async throws(IPCError) -> ExitStatus {
        _ = try? handle.signalTree(.terminate)
        // A stopped process acts on SIGTERM only when it goes on.
        _ = try? handle.signalTree(.continue)
        try? await handle.waitForEnd(until: .after(grace))
        return try await kill()
    }

    /// Ends the child and everything in its process group at once, with SIGKILL, and waits until the child is gone.
    ///
    /// - Throws: as ``terminate(grace:)``.
    @discardableResult
    public func kill() async throws(IPCError) -> ExitStatus {
        // Before the status is taken: until then even a kernel that finds groups by number alone finds the right one.
        _ = try? handle.signalTree(.kill)
        // In a task of its own, which the cancellation of this one does not reach: SIGKILL is prompt.
        let child = self
        let outcome = await Task { () -> Result<ExitStatus, IPCError> in
            do throws(IPCError) {
                return .success(try await child.exitStatus())
            } catch {
                return .failure(error)
            }
        }.value
        return try outcome.get()
    }
}
