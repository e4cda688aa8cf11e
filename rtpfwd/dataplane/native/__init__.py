"""The compiled data plane: twin of ``reference``, file by file, in Cython. Optional.

``plane.pyx`` is the extension module and includes the ``.pxi`` files; ``tables.pxd`` includes those with the
structs. All that happens per packet is C without the GIL; Python objects appear in ``plane.pyx``,
``edge*.pxi`` and ``records.pxi`` only.
"""
