"""For every test: Hypothesis judges what comes out, never how long it took (machines are shared and noisy)."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
