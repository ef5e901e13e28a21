"""The class, as its members see it: the way in, the bar that says who is followed, and the question to all."""
