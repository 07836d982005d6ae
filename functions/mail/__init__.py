"""Mail: letters that wait are sent; links that strangers ask for are made here, unseen by them."""
