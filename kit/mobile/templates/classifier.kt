// For @FILE@ (sha256 @SHA256@):
// @DTYPE@ [@SHAPE@] in, float32 [1, @CLASSES@] out. Written by make mobile from the file's own figures.
// build.gradle.kts: implementation("@DEPENDENCY@")
import android.graphics.Bitmap
import kotlin.math.max
import kotlin.math.min
import kotlin.math.roundToInt
import org.json.JSONObject
@IMPORTS@

/** [modelPath] is @FILE@, copied from the assets to a file; [labelsJson] is what index_to_name.json holds. */
class @CLASS@(modelPath: String, labelsJson: String) {
    private val labels = JSONObject(labelsJson).let { names -> List(@CLASSES@) { names.getString(it.toString()) } }
@LOAD@

    /** Each label with its probability, best first. The photograph is upright and in software memory. */
    fun classify(photograph: Bitmap): List<Pair<String, Float>> {
        val probabilities = run(input(cropped(photograph)))
        return labels.zip(probabilities.asList()).sortedByDescending { it.second }
    }

@RUN@

@INPUT@

    /** The shorter side to @RESIZE@ pixels, then the middle @CROP@ × @CROP@: ARGB, row by row. */
    private fun cropped(photograph: Bitmap): IntArray {
        var picture = photograph
        while (min(picture.width, picture.height) >= 2 * RESIZE) { // one big step would turn fine patterns into noise
            picture = Bitmap.createScaledBitmap(picture, picture.width / 2, picture.height / 2, true)
        }
        val scale = RESIZE / min(picture.width, picture.height).toDouble()
        val width = max(RESIZE, (picture.width * scale).roundToInt())
        val height = max(RESIZE, (picture.height * scale).roundToInt())
        val scaled = Bitmap.createScaledBitmap(picture, width, height, true)
        val argb = IntArray(CROP * CROP)
        scaled.getPixels(argb, 0, CROP, (width - CROP) / 2, (height - CROP) / 2, CROP, CROP)
        return argb
    }

    private companion object {
        const val RESIZE = @RESIZE@
        const val CROP = @CROP@
@CONSTANTS@
    }
}
