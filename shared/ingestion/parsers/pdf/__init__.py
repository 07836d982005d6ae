"""PDF without a layout model: characters, words, lines, rules, tables, and what they mean.

pdfium supplies characters and drawn paths; everything else is geometry. Pages are read and closed
one by one, so a long document costs what its text costs.
"""
