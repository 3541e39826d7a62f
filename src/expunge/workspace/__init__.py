"""One folder's worth of it all: import, train, register, log. Erasure is the layer above."""
