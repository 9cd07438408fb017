"""The lab's protocol, declared once: what a page may ask, and what it is answered.

The server checks requests by these declarations (`reading`), and the page's TypeScript types are generated from them
(`schema`). `answers`, `requests` and `schema` import nothing of Pellucid, so that the page can be built without it.
"""
