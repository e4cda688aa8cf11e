"""``rtpfwd inspect``: what a capture tells about its streams, as tables, JSON or a page."""
