"""Explanations of who is calling and what that app may do (RFC 6749 §2.3, RFC 6749 §5.2)."""

from grantline.oauth.explanation import Explanation

EXPLANATIONS = (
    Explanation(
        "client_unknown",
        "invalid_client",
        "No app has this client ID",
        "No such client in any data center that this server knows.",
        "The client ID is mistyped or cut off, or the app was deleted.",
        "Copy the client ID from your app's page in the API console. It begins with glc_.",
    ),
    Explanation(
        "client_wrong_data_center",
        "invalid_client",
        "This app lives in another data center",
        "This client belongs to another data center. Send the request there.",
        "The client ID says which data center the app was registered in, and the request went to another "
        "one.",
        "Send the request to the accounts address of that data center. The answer names it as "
        "expected_issuer. If the app should work here too, its owner turns that on in the console there; "
        "self clients work at home alone.",
    ),
    Explanation(
        "client_disabled",
        "invalid_client",
        "This app is switched off",
        "This client is disabled.",
        "The app's owner or an administrator switched it off.",
        "Switch it on again on the app's page in the API console. Its tokens work again then.",
    ),
    Explanation(
        "home_not_heard",
        "temporarily_unavailable",
        "The app's home does not answer",
        "The data center of this client was not heard for a day. Nothing new starts here until it is.",
        "Whether the app was switched off or deleted at home can't be known here meanwhile.",
        "Try again later. Refresh tokens that the app has go on working. Whoever runs the data centers finds "
        "what is wrong with grantline doctor.",
    ),
    Explanation(
        "client_secret_missing",
        "invalid_client",
        "The client secret is missing",
        "This client must authenticate with its client secret.",
        "Apps of this type have a secret, and the request came without one or with an empty one.",
        "Send client_id and client_secret by HTTP Basic or in the body. A variable that was never set is a "
        "common reason.",
    ),
    Explanation(
        "client_secret_wrong",
        "invalid_client",
        "The client secret is not right",
        "The client secret is not right.",
        "The secret is mistyped, was removed, or belongs to another app.",
        "Compare its ID with the list on your app's page. If you lost the secret, add another: nothing "
        "breaks.",
    ),
    Explanation(
        "client_secret_is_its_id",
        "invalid_client",
        "That is the ID of the secret",
        "The value sent as client_secret is the ID of a secret, not the secret itself.",
        "The console shows each secret's ID for good, and the secret itself only once.",
        "Use the value that begins with gls_. If nobody kept it, add another secret.",
    ),
    Explanation(
        "client_secret_unexpected",
        "invalid_client",
        "This app has no secret",
        "This client has no secret. Send the request without one.",
        "Anyone could read a secret in an app of this type, so it has none, and a secret was sent.",
        "Leave client_secret out. If your app runs on a server, register it as server-based.",
    ),
    Explanation(
        "grant_type_not_allowed",
        "unauthorized_client",
        "This app may not use this grant type",
        "This client is not allowed to use this grant_type.",
        "The app's type decides how it gets tokens. A browser app, for example, cannot act without a person.",
        "Use a grant type of your app's type, or register an app of the type that fits.",
    ),
    Explanation(
        "client_credentials_elsewhere",
        "unauthorized_client",
        "This app acts for itself at home alone",
        "This client gets tokens for itself in its own data center alone.",
        "Such a token is for the data of the app's organization, and that lives in the app's data center.",
        "Send this request to the data center that the answer names as expected_issuer.",
    ),
    Explanation(
        "response_type_not_allowed",
        "unauthorized_client",
        "This app may not use this response type",
        "This client is not allowed to use this response_type.",
        "Only browser apps whose owner chose it get a token straight in the redirect.",
        "Use response_type=code with a code challenge (PKCE).",
    ),
)
