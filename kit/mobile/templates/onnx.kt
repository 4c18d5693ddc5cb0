//// imports
import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import java.nio.ByteBuffer
import java.nio.FloatBuffer
//// load
    private val environment = OrtEnvironment.getEnvironment()
    private val session = environment.createSession(modelPath)
//// run pixels
    private fun run(input: ByteArray): FloatArray =
        OnnxTensor.createTensor(environment, ByteBuffer.wrap(input), SHAPE, OnnxJavaType.UINT8).use(::answer)

    private fun answer(tensor: OnnxTensor): FloatArray =
        session.run(mapOf("@INPUT_NAME@" to tensor)).use { made ->
            FloatArray(@CLASSES@).also { (made.get("@OUTPUT_NAME@").get() as OnnxTensor).floatBuffer.get(it) }
        }
//// run floats
    private fun run(input: FloatArray): FloatArray =
        OnnxTensor.createTensor(environment, FloatBuffer.wrap(input), SHAPE).use(::answer)

    private fun answer(tensor: OnnxTensor): FloatArray =
        session.run(mapOf("@INPUT_NAME@" to tensor)).use { made ->
            FloatArray(@CLASSES@).also { (made.get("@OUTPUT_NAME@").get() as OnnxTensor).floatBuffer.get(it) }
        }
