// For @FILE@ (sha256 @SHA256@):
// @DTYPE@ [@SHAPE@] in, float32 [1, @CLASSES@] out. Written by make mobile from the file's own figures.
// @DEPENDENCY@
import CoreGraphics
import Foundation
@IMPORTS@

final class @CLASS@ {
    private static let resize: CGFloat = @RESIZE@
    private static let crop = @CROP@
@CONSTANTS@
    private let labels: [String]
@PROPERTIES@

    /// `modelPath`: @FILE@ in the bundle. `labelsJson`: what index_to_name.json holds.
    init(modelPath: String, labelsJson: Data) throws {
        let names = try JSONDecoder().decode([String: String].self, from: labelsJson)
        labels = (0..<@CLASSES@).map { names[String($0)]! }
@LOAD@
    }

    /// Each label with its probability, best first. The photograph is upright.
    func classify(_ photograph: CGImage) throws -> [(label: String, probability: Float)] {
        let probabilities = try run(Self.input(Self.cropped(photograph)))
        let answers = zip(labels, probabilities).map { (label: $0, probability: $1) }
        return answers.sorted { $0.probability > $1.probability }
    }

@RUN@

@INPUT@

    /// The shorter side to @RESIZE@ pixels, then the middle @CROP@ × @CROP@: RGBA, row by row.
    private static func cropped(_ photograph: CGImage) -> [UInt8] {
        let scale = resize / CGFloat(min(photograph.width, photograph.height))
        let width = CGFloat(photograph.width) * scale, height = CGFloat(photograph.height) * scale
        let left = (CGFloat(crop) - width) / 2, top = (CGFloat(crop) - height) / 2
        var rgba = [UInt8](repeating: 0, count: 4 * crop * crop)
        rgba.withUnsafeMutableBytes { bytes in
            let context = CGContext(
                data: bytes.baseAddress, width: crop, height: crop, bitsPerComponent: 8, bytesPerRow: 4 * crop,
                space: CGColorSpace(name: CGColorSpace.sRGB)!, bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)!
            context.interpolationQuality = .high
            context.draw(photograph, in: CGRect(x: left, y: top, width: width, height: height))
        }
        return rgba
    }
}
