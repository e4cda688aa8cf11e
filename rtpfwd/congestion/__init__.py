"""Arithmetic on records of what was sent and what arrived. Never sees a packet or a socket."""
