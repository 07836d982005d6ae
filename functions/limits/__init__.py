"""HTTP: tells a caller what may be asked, stored and spent, what was, and when it begins anew."""
