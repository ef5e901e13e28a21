"""The processes that compute: the program that runs in one, the pipe to it, and the watch over it."""
