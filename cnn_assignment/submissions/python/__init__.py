"""Python as students write it: parsing it, and what its statements change."""
