"""One model in each runtime that a small ARM box could have: size, memory, start, answers."""
