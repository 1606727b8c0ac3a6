"""Claims about a person, by scope (OpenID Connect Core §5.1, OpenID Connect Core §5.4)."""

from collections.abc import Collection, Mapping

from grantline.accounts import Account, Organization


def claims_for(
    account: Account, scope: Collection[str], *, vendor_names: bool = False
) -> Mapping[str, object]:
    """The claims that the scopes release, `sub` apart. `vendor_names` adds first_name and last_name, for the
    vendor's wire."""
    claims: dict[str, object] = {}
    if "email" in scope:
        claims["email"] = account.email
        claims["email_verified"] = account.email_verified
    if "profile" in scope:
        claims["name"] = account.name
        if account.given_name:
            claims["given_name"] = account.given_name
        if account.family_name:
            claims["family_name"] = account.family_name
        claims["updated_at"] = account.created_at
        if vendor_names:
            claims["first_name"] = account.given_name
            claims["last_name"] = account.family_name
    return claims


def organization_claims(organization: Organization) -> Mapping[str, object]:
    """Whose data the token is about, for the API that serves it."""
    return {"organization": str(organization.id), "organization_name": organization.name}
