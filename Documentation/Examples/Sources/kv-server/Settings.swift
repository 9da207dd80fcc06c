import IPCSockets

/// What the command line says.
struct Settings: Equatable {
    var addresses: [SocketAddress] = []
    var workers = 2
    var megabytes = 128
    var stripes = 32

    static let usage = """
        USAGE: kv-server [--listen ADDRESS]... [--workers N] [--memory MIB]

          --listen ADDRESS   tcp:127.0.0.1:6379 unless said otherwise; also unix:PATH; several are possible
          --workers N        processes that serve, 1 to 64; 2 unless said otherwise
          --memory MIB       memory of the store, 4 to 32768; 128 unless said otherwise

        """

    /// Nil when the arguments are not what ``usage`` says.
    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { return nil }
            switch option {
            case "--listen":
                guard let address = try? SocketAddress(value) else { return nil }
                addresses.append(address)
            case "--workers":
                guard let number = Int(value), (1...64).contains(number) else { return nil }
                workers = number
            case "--memory":
                guard let number = Int(value), (4...32768).contains(number) else { return nil }
                megabytes = number
            default: return nil
            }
        }
        if addresses.isEmpty, let usual = try? SocketAddress("tcp:127.0.0.1:6379") { addresses = [usual] }
    }
}
