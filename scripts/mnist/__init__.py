"""How the shipped networks of Part B, and the judge of digits, were made and measured."""
