"""Reading: from the bytes somebody put in to clean text, structure, chunks and their places.

Keeps the promise that every chunk is an exact slice of its version's canonical text, and that a
file which cannot be read says so in a sentence a person understands.
"""
