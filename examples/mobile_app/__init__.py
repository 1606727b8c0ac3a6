"""An app on a phone: sign-in in the system browser, kept tokens, contacts without a network."""
