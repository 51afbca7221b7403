"""The student's side of the sandbox: what runs in the worker's process, and in the zygote that it is forked from."""
