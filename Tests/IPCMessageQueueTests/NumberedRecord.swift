/// A message whose every byte can be checked. The helper program has the same.
struct NumberedRecord: Equatable {
    var sender: Int
    var index: Int

    var bytes: [UInt8] {
        var bytes = Array("\(sender) \(index) ".utf8)
        for place in 0..<(index % 97) { bytes.append(UInt8(truncatingIfNeeded: index &* 31 &+ place)) }
        return bytes
    }

    init(sender: Int, index: Int) { (self.sender, self.index) = (sender, index) }

    init?(_ bytes: [UInt8]) {
        let parts = bytes.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let sender = Int(String(decoding: parts[0], as: UTF8.self)),
            let index = Int(String(decoding: parts[1], as: UTF8.self))
        else { return nil }
        self.init(sender: sender, index: index)
        if bytes != self.bytes { return nil }
    }
}
