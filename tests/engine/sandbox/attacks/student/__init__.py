"""Student code that attacks. Nothing here is imported but `tools`: workers get it as text."""
