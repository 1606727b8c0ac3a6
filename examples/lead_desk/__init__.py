"""A web app for leads, with a server: many people, organizations and data centers at once."""
