"""Kernel: what every room may rely on — ids, clock, errors, settings, hashing, paging, the event base.

Standard library and pydantic only; nothing here knows a vendor, a transport or a room.
"""
