"""What a forwarder must know of a media payload: key frame or not, which layer, safe to switch here or not.

Nothing is decoded. The parsers never raise: a payload that makes no sense is "not a key frame, base layer".
"""
