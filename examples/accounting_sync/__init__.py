"""Keeps the invoices of a ledger and those of the CRM alike, in both directions, payments included."""
