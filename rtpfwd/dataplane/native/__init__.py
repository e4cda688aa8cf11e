"""The compiled data plane: twin of ``reference``, file by file, in Cython. Absent where nothing could compile it.

``plane.pyx`` is the extension module and includes the ``.pxi`` files; ``tables.pxd`` has all structs. Everything
that happens per packet is C without the GIL; Python objects appear in ``plane.pyx`` only.
"""
