"""From a document to the code that its classes need."""
