"""An app that is all in the page: Grantline's browser module, by code + PKCE or by the implicit flow."""
