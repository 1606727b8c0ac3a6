"""Pages for people: sign-in, consent, device, connected apps, and what anyone may read. They work without
JavaScript."""
