"""Brings the products of a legacy system into the CRM: what changed, in batches, again from where it was."""
