//// input
    /// A plane each of red, green and blue: (x / 255 - mean) / std.
    private static func input(_ rgba: [UInt8]) -> [Float] {
        (0..<3).flatMap { channel in
            stride(from: channel, to: rgba.count, by: 4).map { (Float(rgba[$0]) / 255 - mean[channel]) / std[channel] }
        }
    }
//// constants
    private static let mean: [Float] = [@MEAN@]
    private static let std: [Float] = [@STD@]
