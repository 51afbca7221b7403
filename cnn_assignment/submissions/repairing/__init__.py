"""Code that Python refuses: whole definitions are kept, and each loss is told."""
