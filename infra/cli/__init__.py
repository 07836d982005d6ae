"""The command line `kontor`: a client that speaks HTTP and WebSocket, and the operator's tools."""
