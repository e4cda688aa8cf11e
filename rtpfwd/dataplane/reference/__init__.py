"""The data plane in readable Python: always there, and the oracle of every other plane."""
