"""Joining: how people come to a tenant: invited by letter, registering, taken over from elsewhere.

Promises: nobody gives by inviting what they may not give themselves, neither on the day of the
invitation nor on the day it is accepted; an address counts as verified once a letter reached it
or a provider vouches for it.
"""
