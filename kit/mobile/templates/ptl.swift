//// imports
//// properties
    private let module: TorchModule
//// load
        guard let opened = TorchModule(path: modelPath) else { throw CocoaError(.fileReadCorruptFile) }
        module = opened
//// run pixels
    private func run(_ input: [UInt8]) throws -> [Float] {
        var input = input
        guard let made = module.forward(&input, shape: [@SHAPE@], bytes: true) else {
            throw CocoaError(.featureUnsupported)
        }
        return made.map(\.floatValue)
    }
//// run floats
    private func run(_ input: [Float]) throws -> [Float] {
        var input = input
        guard let made = module.forward(&input, shape: [@SHAPE@], bytes: false) else {
            throw CocoaError(.featureUnsupported)
        }
        return made.map(\.floatValue)
    }
