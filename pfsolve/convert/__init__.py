"""From a checkpoint in Hugging Face's format to a GGUF and its head, without torch.

A checkpoint's tensors are listed first, from the headers of its files, and checked against what a
model of its dimensions must have; the head is taken out of it; then file after file is copied into a
GGUF of 16-bit floats that grows at its end, which llama.cpp quantizes at last.
"""
