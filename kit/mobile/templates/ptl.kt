//// imports
import org.pytorch.IValue
import org.pytorch.LiteModuleLoader
import org.pytorch.Tensor
//// load
    private val module = LiteModuleLoader.load(modelPath)
//// run pixels
    private fun run(input: ByteArray): FloatArray {
        val tensor = Tensor.fromBlobUnsigned(input, SHAPE)
        return module.forward(IValue.from(tensor)).toTensor().dataAsFloatArray
    }
//// run floats
    private fun run(input: FloatArray): FloatArray {
        val tensor = Tensor.fromBlob(input, SHAPE)
        return module.forward(IValue.from(tensor)).toTensor().dataAsFloatArray
    }
