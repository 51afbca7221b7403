"""The instructor's road: gaps -> hints -> skeleton -> notebook -> release."""
