"""What a set of images, a network and a model are, in memory and on disk. May import ground."""
