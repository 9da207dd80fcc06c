import IPCSystem

extension InheritedEndpoints {
    /// One endpoint in the variable.
    struct Item: Equatable {
        var descriptors: [Descriptor]
        var state: [UInt8]
    }

    /// A descriptor of the child, and which file it is, by fstat(2).
    struct Descriptor: Equatable {
        var number: Int32
        var device: UInt64
        var inode: UInt64

        /// `number` in the child will be what `source` is here.
        init(number: Int32, identifying source: Int32) throws(IPCError) {
            let status = try mapping("look at a descriptor", object: "descriptor \(source)") {
                () throws(SystemCallError) in
                try FileCalls.status(of: source)
            }
            self.init(number: number, device: status.device, inode: status.inode)
        }

        init(number: Int32, device: UInt64, inode: UInt64) {
            (self.number, self.device, self.inode) = (number, device, inode)
        }

        /// Whether the number is open and is that file.
        var isAsMeant: Bool {
            guard let status = try? FileCalls.status(of: number) else { return false }
            return status.device == device && status.inode == inode
        }
    }

    // The text: `1;` (the version), then for each endpoint `NUMBER@DEVICE:INODE` joined by commas, `/`, the state in
    // hexadecimal, and `;`. Numbers are decimal.

    static func encode(_ items: [Item]) -> String {
        var text = "1;"
        for item in items {
            text += item.descriptors.map { "\($0.number)@\($0.device):\($0.inode)" }.joined(separator: ",")
            text += "/"
            for byte in item.state {
                text.unicodeScalars.append(digits[Int(byte >> 4)])
                text.unicodeScalars.append(digits[Int(byte & 15)])
            }
            text += ";"
        }
        return text
    }

    /// Nil when `text` is not what `encode` makes.
    static func decode(_ text: String) -> [Item]? {
        var parts = text.split(separator: ";", omittingEmptySubsequences: false)
        guard parts.first == "1", parts.last == "", parts.count >= 2 else { return nil }
        parts.removeFirst()
        parts.removeLast()
        var items: [Item] = []
        for part in parts {
            let halves = part.split(separator: "/", omittingEmptySubsequences: false)
            guard halves.count == 2, let state = decodeBytes(halves[1]) else { return nil }
            var descriptors: [Descriptor] = []
            for piece in halves[0].split(separator: ",") {
                guard let descriptor = decodeDescriptor(piece) else { return nil }
                descriptors.append(descriptor)
            }
            items.append(Item(descriptors: descriptors, state: state))
        }
        return items
    }

    private static let digits = Array("0123456789abcdef".unicodeScalars)

    private static func decodeDescriptor(_ text: Substring) -> Descriptor? {
        let halves = text.split(separator: "@", omittingEmptySubsequences: false)
        guard halves.count == 2, let number = Int32(halves[0]), number > 2 else { return nil }
        let file = halves[1].split(separator: ":", omittingEmptySubsequences: false)
        guard file.count == 2, let device = UInt64(file[0]), let inode = UInt64(file[1]) else { return nil }
        return Descriptor(number: number, device: device, inode: inode)
    }

    private static func decodeBytes(_ text: Substring) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 2)
        for index in stride(from: 0, to: characters.count, by: 2) {
            guard let high = value(characters[index]), let low = value(characters[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
