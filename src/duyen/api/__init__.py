"""The HTTP doors: hot routes as raw ASGI, administration as FastAPI with OpenAPI."""
