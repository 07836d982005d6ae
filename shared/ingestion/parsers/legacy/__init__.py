"""The formats of the nineties: old Word, Excel and PowerPoint files and rich text."""
