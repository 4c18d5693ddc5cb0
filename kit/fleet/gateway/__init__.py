"""The gateways of a fleet, looked after from the workstation: who may ask, and the certificates that clients trust."""
