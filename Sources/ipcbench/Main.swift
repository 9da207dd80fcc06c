import CBaselines

/// `ipcbench`: compares, or, started by itself, works as one process of a measurement.
@main
enum Main {
    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        if let assignment = ProcessAssignment(arguments: arguments) {
            MeasuringProcess(assignment).run()
        }
        if arguments == [PoolWork.workerArgument] { serveTasks() }
        do {
            cbase_exit(try compare(Options(arguments)))
        } catch {
            say("ipcbench: \(error)")
            cbase_exit(2)
        }
    }

    /// The life of a worker of the pool that is measured.
    private static func serveTasks() -> Never {
        Task.detached {
            await PoolWork.serve()
            leave()
        }
        cbase_park()
    }

    private static func leave() {
        cbase_exit(1)
    }

    private static func compare(_ options: Options) throws(BenchmarkFailure) -> Int32 {
        if options.isHelp {
            show(Options.help)
            return 0
        }
        if options.isList {
            for row in Catalogue.rows where options.filter.matches(row.name) { show(row.name) }
            return 0
        }
        _ = try checked("raising the limit of descriptors", cbase_raise_descriptor_limit())
        #if DEBUG
            say("ipcbench: a debug build; ratios mean nothing. Use swift run -c release ipcbench")
        #endif
        return Comparison(options: options).run() == 0 ? 0 : 1
    }
}
