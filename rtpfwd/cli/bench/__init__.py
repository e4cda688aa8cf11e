"""``rtpfwd bench``: how many packets a second this machine forwards, and at which price."""
