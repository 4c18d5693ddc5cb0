//// imports
import org.pytorch.executorch.EValue
import org.pytorch.executorch.Module
import org.pytorch.executorch.Tensor
//// load
    private val module = Module.load(modelPath)
//// run pixels
    private fun run(input: ByteArray): FloatArray {
        val tensor = Tensor.fromBlobUnsigned(input, SHAPE)
        return module.forward(EValue.from(tensor))[0].toTensor().dataAsFloatArray
    }
//// run floats
    private fun run(input: FloatArray): FloatArray {
        val tensor = Tensor.fromBlob(input, SHAPE)
        return module.forward(EValue.from(tensor))[0].toTensor().dataAsFloatArray
    }
