//// imports
import OnnxRuntimeBindings
//// properties
    private let session: ORTSession
//// load
        session = try ORTSession(env: ORTEnv(loggingLevel: .warning), modelPath: modelPath, sessionOptions: nil)
//// run pixels
    private func run(_ input: [UInt8]) throws -> [Float] {
        let data = NSMutableData(data: Data(input))
        let tensor = try ORTValue(tensorData: data, elementType: .uInt8, shape: [@SHAPE@])
        let made = try session.run(
            withInputs: ["@INPUT_NAME@": tensor], outputNames: ["@OUTPUT_NAME@"], runOptions: nil)
        let answer = try made["@OUTPUT_NAME@"]!.tensorData() as Data
        return answer.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
//// run floats
    private func run(_ input: [Float]) throws -> [Float] {
        let data = NSMutableData(data: input.withUnsafeBytes { Data($0) })
        let tensor = try ORTValue(tensorData: data, elementType: .float, shape: [@SHAPE@])
        let made = try session.run(
            withInputs: ["@INPUT_NAME@": tensor], outputNames: ["@OUTPUT_NAME@"], runOptions: nil)
        let answer = try made["@OUTPUT_NAME@"]!.tensorData() as Data
        return answer.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }
