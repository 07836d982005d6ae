"""Kernel: what every room relies on, from ids and errors to settings and the event base.

Standard library and pydantic only; nothing here knows a vendor, a transport or a room.
"""
