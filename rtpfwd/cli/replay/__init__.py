"""``rtpfwd replay``: a recorded call through a fresh data plane, in virtual time."""
