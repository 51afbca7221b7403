"""An assignment as its instructor writes it: gaps -> hints -> skeleton -> notebook -> release."""
