"""For every test: Hypothesis judges what comes out, never how long it took, for machines are shared."""

from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
