//// input
    /// Red, green, blue of each pixel, 0 to 255, row by row.
    private static func input(_ rgba: [UInt8]) -> [UInt8] {
        var made = [UInt8]()
        made.reserveCapacity(3 * crop * crop)
        for pixel in stride(from: 0, to: rgba.count, by: 4) { made.append(contentsOf: rgba[pixel..<(pixel + 3)]) }
        return made
    }
//// constants
