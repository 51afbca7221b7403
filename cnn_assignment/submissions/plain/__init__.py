"""Plain values of submissions: folders, files, pictures and limits, without any parsing."""
