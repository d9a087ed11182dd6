"""The only room that knows llama.cpp."""
