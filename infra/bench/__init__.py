"""Measured claims: each bench starts what it needs, compares in one run on one machine, and says where it is void."""
