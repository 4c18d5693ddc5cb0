"""Is the exported model right? Compared with the original, gated, golden pictures written."""
