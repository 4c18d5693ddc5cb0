"""The photographs that a model is checked and calibrated on."""
