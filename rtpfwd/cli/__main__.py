"""``python -m rtpfwd.cli``, for where the script is not on the path."""

from rtpfwd.cli.app import main

if __name__ == "__main__":
    main()
