"""The parts from which the emoji text-to-image model is made: words, scenes, embeddings, evaluation."""
