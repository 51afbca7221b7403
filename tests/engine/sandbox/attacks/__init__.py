"""The battery of attacks: `student` holds what is tried, `battery` tries it, `table` prints attack by level."""
