"""The core: Kontor's domain in rooms, one per folder, stacked on floors that imports only descend."""
