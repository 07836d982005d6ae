"""Announce: stages reached go out to the WebSocket connections that listen."""
