"""The core: the domain in rooms, one per folder, on floors that imports only descend."""
