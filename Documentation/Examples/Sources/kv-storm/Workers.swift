import Glibc

/// The processes that a server has started, as the kernel knows them. proc(5), /proc/PID/task/TID/children.
enum Workers {
    static func ofProcess(_ process: Int32) -> [Int32] {
        guard let folder = opendir("/proc/\(process)/task") else { return [] }
        defer { closedir(folder) }
        var workers: [Int32] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard Int32(name) != nil, let file = fopen("/proc/\(process)/task/\(name)/children", "r") else { continue }
            defer { fclose(file) }
            var number: Int32 = 0
            while withUnsafeMutablePointer(to: &number, { withVaList([$0]) { vfscanf(file, "%d", $0) } }) == 1 {
                workers.append(number)
            }
        }
        return workers
    }

    static func isAlive(_ process: Int32) -> Bool { kill(process, 0) == 0 }
}
