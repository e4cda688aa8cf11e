"""The impure floor: sockets, loops, clocks (real and virtual), and the clients of tests and benches."""
