"""RTCP, a file per family of packets.

``compound.py`` is the way in and out; the others never look at a datagram.
"""
