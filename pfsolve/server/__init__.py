"""A solver behind OpenAI's protocol for chats: HTTP in a thread of its own, searches in another, in turn."""
