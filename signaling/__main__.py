"""``python -m signaling``: the calling server, as ``rtpfwd serve``."""

from .command import main

if __name__ == "__main__":
    main()
