"""The parts of the loop, each with one idea; ``gateway.py`` puts them in order and nobody else runs them."""
