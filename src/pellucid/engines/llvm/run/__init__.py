"""IR as machine code in memory, its calls, the memory in which they work, and the threads that take part in them."""
