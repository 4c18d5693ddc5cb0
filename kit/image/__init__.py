"""A container image made of a signed bundle, by buildah, which needs no daemon."""
