"""The page's questions, answered: over a WebSocket, in a notebook and from a saved file."""
