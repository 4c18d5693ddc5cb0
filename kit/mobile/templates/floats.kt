//// input
    /** A plane each of red, green and blue: (x / 255 - mean) / std. */
    private fun input(argb: IntArray): FloatArray {
        val made = FloatArray(3 * argb.size)
        for ((index, pixel) in argb.withIndex()) {
            for (channel in 0..2) {
                val value = ((pixel shr (16 - 8 * channel)) and 0xFF) / 255f
                made[channel * argb.size + index] = (value - MEAN[channel]) / STD[channel]
            }
        }
        return made
    }
//// constants
        val SHAPE = longArrayOf(@SHAPE@)
        val MEAN = floatArrayOf(@MEAN_F@)
        val STD = floatArrayOf(@STD_F@)
