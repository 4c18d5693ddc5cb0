//// input
    /** Red, green, blue of each pixel, 0 to 255, row by row. */
    private fun input(argb: IntArray): ByteArray {
        val made = ByteArray(3 * argb.size)
        for ((index, pixel) in argb.withIndex()) {
            made[3 * index] = (pixel shr 16).toByte()
            made[3 * index + 1] = (pixel shr 8).toByte()
            made[3 * index + 2] = pixel.toByte()
        }
        return made
    }
//// constants
        val SHAPE = longArrayOf(@SHAPE@)
