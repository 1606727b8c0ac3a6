"""Endpoints for programs: each takes a Call and gives an Answer, or raises an OAuthError. None of them can
see a cookie (T58)."""
