"""Who is computed for, and when: places in the queue, turns, limits, and what is remembered of ended runs."""
