"""What the app is measured by: speed, reliability, load."""
