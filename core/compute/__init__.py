"""Who computes, when, for whom: specifications, the queue, the worker process, the store."""
