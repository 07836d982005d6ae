"""Text recognition: from a picture of a page to its words, where they stand and how sure it is.

Tesseract reads what has been put upright and straight before; nothing leaves the machine.
"""
