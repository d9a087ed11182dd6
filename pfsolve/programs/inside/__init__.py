"""What is built into the sandbox. No other module imports it: it is not safe outside."""
