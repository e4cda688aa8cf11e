"""The calling application: rooms and people on top of ``rtpfwd``, spoken over Socket.IO.

``room`` and ``peer`` are plain and synchronous and never see a socket; ``namespace`` drives them from
Socket.IO events, as ``rtpfwd.drivers`` drives the forwarder from datagrams. Nothing in ``rtpfwd`` imports
this package.
"""
