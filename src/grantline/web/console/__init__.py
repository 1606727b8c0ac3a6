"""The API console: pages for the people who build apps."""
