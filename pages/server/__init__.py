"""What one server process has once: settings, store, executor, who asks, and the routes of its own."""
