import IPCCore

extension SocketListener {
    /// Listens at `address` while `body` runs.
    ///
    /// When `body` returns, the listener stops, waits for open connections as long as
    /// ``SocketListenerOptions/gracePeriod`` says, and ends those that are left. When `body` throws or its task is
    /// cancelled it ends them at once. The name is gone in either case.
    ///
    /// - Returns: what `body` returned.
    /// - Throws: what ``listen(at:options:until:)`` throws, an `IPCError`, or what `body` throws.
    public static func withListener<Result>(
        at address: SocketAddress, options: SocketListenerOptions = SocketListenerOptions(),
        _ body: (SocketListener) async throws -> Result
    ) async throws -> Result {
        let listener = try await SocketListener.listen(at: address, options: options)
        let result: Result
        do {
            result = try await body(listener)
        } catch {
            await listener.shutDown(until: .now)
            throw error
        }
        await listener.shutDown(until: .after(options.gracePeriod))
        return result
    }
}
