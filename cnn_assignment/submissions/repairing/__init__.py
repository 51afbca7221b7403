"""Code that Python refuses: what is whole in it is kept, and what is left out is told."""
