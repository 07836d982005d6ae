"""OpenAI's API over the library and the tenant's language models: chat, embeddings, models."""
