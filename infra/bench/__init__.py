"""The measurements behind `make bench`: how fast it starts, takes in, finds and answers, and in
how much memory; each on a server, a corpus and a folder of its own that are gone afterwards."""
