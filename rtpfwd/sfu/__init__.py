"""mediasoup's objects, sans-IO: Worker, Router, WebRtcTransport, Producer, Consumer and the control loops around them."""
