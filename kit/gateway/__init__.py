"""The gateway of this machine: nginx in front of its TorchServe, the keys it takes, the certificate it shows."""
