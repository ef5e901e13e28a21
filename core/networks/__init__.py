"""Neural networks of the course, one file each."""
