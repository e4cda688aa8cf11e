"""What the control plane calls things in the data plane's tables: numbers of its own choosing."""

from typing import NewType

TransportId = NewType("TransportId", int)
ReceiveStreamId = NewType("ReceiveStreamId", int)
SendStreamId = NewType("SendStreamId", int)
