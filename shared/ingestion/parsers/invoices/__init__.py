"""E-invoices: what the XML of Factur-X, ZUGFeRD, XRechnung and Peppol invoices says.

Read once into one shape, kept as named fields, and written as words that a question can hit.
"""
