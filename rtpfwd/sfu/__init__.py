"""mediasoup's objects, sans-IO: Worker, Router, WebRtcTransport, Producer, Consumer, and their control
loops.
"""
