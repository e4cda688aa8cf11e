"""The compiled data plane: twin of ``reference``, file by file, in Cython. Optional.

``plane.pyx`` is the extension module and includes the ``.pxi`` files; ``tables.pxd`` has all structs. All
that happens per packet is C without the GIL; Python objects appear in ``plane.pyx`` and ``records.pxi`` only.
"""
