"""Reads PDF files and images, with text recognition."""
