"""Files of a person's own, sent by the page: what they hold, and the task that is made of them."""
