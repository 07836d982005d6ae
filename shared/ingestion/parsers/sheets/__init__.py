"""Spreadsheets of every make: their sheets, the tables on them, the parts around the cells."""
