"""Commands that ask a running server: ``routes``, ``top``, ``tunables``, ``set``, ``drain``."""
