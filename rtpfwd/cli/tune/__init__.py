"""``rtpfwd tune``: what would have happened with other settings."""
