"""What operators see and turn on a running server: routing table, tunables, ledger, draining, captures,
metrics, and a page of it.
"""
