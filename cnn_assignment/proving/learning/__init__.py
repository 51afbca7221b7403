"""What wrong answers give: mutants of all code that belongs to a task, and what each gives in every test of it."""
