"""All that happens once per packet. ``interface`` is the only door; ``load`` picks what stands behind it."""
