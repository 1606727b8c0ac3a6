"""A TV that shows a short code, and then the leads of today: login without a browser."""
