//// imports
import ExecuTorch
//// properties
    private let module: Module
//// load
        module = Module(filePath: modelPath)
        try module.load("forward")
//// run pixels
    private func run(_ input: [UInt8]) throws -> [Float] {
        let tensor = Tensor<UInt8>(input, shape: [@SHAPE@])
        return try Tensor<Float>(module.forward(tensor)).scalars()
    }
//// run floats
    private func run(_ input: [Float]) throws -> [Float] {
        let tensor = Tensor<Float>(input, shape: [@SHAPE@])
        return try Tensor<Float>(module.forward(tensor)).scalars()
    }
