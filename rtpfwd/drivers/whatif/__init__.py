"""What-if: a recorded ingress through the whole server in virtual time, towards modelled receivers."""
