"""For those who test with captures: a pytest plugin, and what it is made of.

``plugin`` has the fixtures and is found by pytest by itself where rtpfwd is installed; ``gaps`` and
``golden`` are plain functions. pytest is needed by ``plugin`` alone, and installed by ``rtpfwd[testing]``.
Nothing is imported here, because pytest imports this package whenever it starts.
"""
