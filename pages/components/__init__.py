"""What runs in the browser: each folder is a component. None knows a lesson, or who computes."""
