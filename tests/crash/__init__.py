"""planform is killed, and what is left is put to the test."""
