"""Upload: a client announces a file and gets an address for its bytes, or sends a small one."""
