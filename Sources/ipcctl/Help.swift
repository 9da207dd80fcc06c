/// What the program says of itself.
enum Help {
    static let version = "0.1.0-unreleased"

    static let text = """
        ipcctl: shows what swift-ipc does on this machine

        USAGE: ipcctl tour [--list] [--only NAME]
               ipcctl --help | --version

        tour    starts a second process of itself and, for each mechanism, sends messages there and back, compares
                what came with what was sent, kills the second process with SIGKILL, and prints a row:

                  mechanism       what carried the messages
                  checked         how many messages came back and were what they had to be
                  rtt p50, p99    the median and the slowest hundredth of the round trips of 64 bytes, in microseconds
                  one way         how much went through in a second, one way, in messages of 64 KiB
                  death seen      from the call that killed the second process to the moment when the first one,
                                  waiting, was told, in microseconds

          --list        names the mechanisms and ends
          --only NAME   only the mechanisms whose names contain NAME

                The figures are those of one short run, with whatever else the machine does; ipcbench measures.
                Run it from a release build: swift run -c release ipcctl tour

        --version  the version
        --help     this text

        EXIT STATUS: 0; 1 when a mechanism failed (its row says why); 64 when the arguments cannot be right.
        Errors go to standard error.
        """
}
