"""Leads by source, owner and month: as a chart in the terminal, and as a page with charts and tables."""
