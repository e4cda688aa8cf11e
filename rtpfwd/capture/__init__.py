"""Recording what crosses the seam of the data plane, and playing it back.

``recording_plane.RecordingPlane`` stands between the control plane and any data plane and tells observers of
every call and packet; ``recorder.Recorder`` writes them to pcapng, decrypted; ``flight.FlightRecorder`` keeps
the last minute. ``replay.Replay`` takes such a file and gives a fresh plane the same calls and packets at the
same virtual times: what comes out must be what was recorded, byte for byte. Sans-IO; files are the drivers'.
"""
