"""What a capture tells about its streams: arithmetic on packets with times and addresses, without IO.

``inspector.Inspector`` takes datagrams one by one; ``report.make_report`` puts its numbers into one value. It
is a house of floor 3 beside congestion: it knows the wire, and nothing of the forwarder.
"""
