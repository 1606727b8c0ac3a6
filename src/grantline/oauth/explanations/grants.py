"""Explanations of codes and refresh tokens that do not work (RFC 6749 §5.2, RFC 7636 §4.6, RFC 8628 §3.5)."""

from grantline.oauth.explanation import Explanation

EXPLANATIONS = (
    Explanation(
        "code_unknown",
        "invalid_grant",
        "This grant token is not known",
        "The authorization code is unknown.",
        "The code was cut off, changed on the way, swept after it ran out, or made for another app.",
        "Get a new code, and send it as it came, percent-decoded once.",
    ),
    Explanation(
        "code_expired",
        "invalid_grant",
        "This grant token expired",
        "The authorization code expired.",
        "A code lives 60 seconds in a redirect, or the minutes chosen when it was generated.",
        "Generate a new one, and exchange it at once. Have the rest of the request ready before you do.",
    ),
    Explanation(
        "code_already_used",
        "invalid_grant",
        "This grant token was already used",
        "The authorization code was already used.",
        "A code works once. Your callback page ran twice, most likely a double call in development mode, or "
        "somebody else used the code.",
        "Use the tokens that the first exchange gave you, or get a new code. Make sure that only one place "
        "exchanges it.",
    ),
    Explanation(
        "code_other_client",
        "invalid_grant",
        "This grant token belongs to another app",
        "The authorization code was issued to another client.",
        "The code was made for one app, and another tried to exchange it.",
        "Exchange the code with the client ID that asked for it. Check that you do not mix settings of two "
        "apps.",
        public="code_unknown",
    ),
    Explanation(
        "code_redirect_uri_mismatch",
        "invalid_grant",
        "The redirect URI differs from the first request",
        "The redirect_uri is not the one of the authorization request.",
        "The exchange must repeat the redirect_uri that the browser request sent, to the letter. A code "
        "from Generate code has none.",
        "Send the same redirect_uri in both requests, or in neither.",
    ),
    Explanation(
        "code_verifier_missing",
        "invalid_grant",
        "The code verifier is missing",
        "The code_verifier is missing, and the authorization request sent a code_challenge.",
        "The browser request sent a code challenge, so the exchange must prove that it knows the verifier.",
        "Send the code_verifier whose hash was the challenge. Keep it with the session that began the "
        "request.",
    ),
    Explanation(
        "code_verifier_wrong",
        "invalid_grant",
        "The code verifier does not fit",
        "The code_verifier does not fit the code_challenge.",
        "The verifier's SHA-256 hash is not the challenge of this code. Often two sign-ins at once share "
        "one place to keep the verifier.",
        "Keep one verifier per request, for example under its state. After five wrong tries the code stops "
        "working.",
    ),
    Explanation(
        "code_verifier_malformed",
        "invalid_grant",
        "The code verifier is malformed",
        "The code_verifier must be 43 to 128 letters, digits or the characters - . _ ~ .",
        "The verifier is too short, too long, or holds other characters.",
        "Make it from 32 random bytes in base64url without padding, which gives 43 characters.",
    ),
    Explanation(
        "code_verifier_unexpected",
        "invalid_grant",
        "A code verifier without a challenge",
        "A code_verifier was sent, but the authorization request had no code_challenge.",
        "Either your app did not send the challenge, or somebody took it out on the way.",
        "Send code_challenge and code_challenge_method=S256 in the browser request.",
    ),
    Explanation(
        "code_burned",
        "invalid_grant",
        "This grant token was blocked",
        "The authorization code was blocked after too many wrong attempts.",
        "Five exchanges came with a wrong code verifier, so the code no longer works.",
        "Get a new code. If your app did not make these attempts, somebody else held it.",
    ),
    Explanation(
        "code_owner_changed",
        "invalid_grant",
        "The owner of this app changed",
        "The authorization code belongs to a former owner of this client.",
        "The app changed hands after the code was generated, and a code reaches only its maker's own data.",
        "Generate a new code as the present owner.",
    ),
    Explanation(
        "refresh_token_unknown",
        "invalid_grant",
        "This refresh token is not known",
        "The refresh token is unknown.",
        "The token was cut off, was never issued here, or was made for another app.",
        "Send the refresh token of this app as you stored it. Otherwise ask the person to allow the app "
        "again.",
    ),
    Explanation(
        "refresh_token_expired",
        "invalid_grant",
        "This refresh token expired",
        "The refresh token expired.",
        "Refresh tokens of browser apps live 14 days at most, however often they are renewed.",
        "Ask the person to sign in to your app again.",
    ),
    Explanation(
        "refresh_token_idle",
        "invalid_grant",
        "This refresh token was not used for too long",
        "The refresh token was not used for too long.",
        "The app's settings end refresh tokens that rest, and this one rested longer.",
        "Ask the person to sign in to your app again, or renew more often.",
    ),
    Explanation(
        "refresh_token_reused",
        "invalid_grant",
        "A replaced refresh token came back",
        "The refresh token was already replaced. All tokens of this authorization were revoked.",
        "Each renewal gives a new refresh token, and an old one was used after its successor. Two parties "
        "hold tokens, so we ended them all.",
        "Ask the person to sign in again. Store each new refresh token before you use its access token.",
    ),
    Explanation(
        "refresh_token_other_client",
        "invalid_grant",
        "This refresh token belongs to another app",
        "The refresh token was issued to another client.",
        "The token was made for one app, and another tried to use it.",
        "Use each refresh token with the client ID that got it.",
        public="refresh_token_unknown",
    ),
    Explanation(
        "token_other_client",
        "invalid_grant",
        "This token belongs to another app",
        "The token was issued to another client, so it was not revoked.",
        "The credentials are right, but the token was made for another app.",
        "Revoke each token with the client ID that got it.",
    ),
    Explanation(
        "refresh_token_evicted",
        "invalid_grant",
        "This refresh token made room for a newer one",
        "The refresh token was replaced because the person has too many of them for this client.",
        "A person can have 20 live refresh tokens for one app. The oldest gave way when the 21st was made.",
        "Store the refresh token and use it again, rather than asking for a new one each time.",
    ),
    Explanation(
        "authorization_revoked",
        "invalid_grant",
        "Access was taken back",
        "The authorization was revoked.",
        "The person removed your app's access, your app revoked the token, or the account no longer allows "
        "it.",
        "Ask the person to allow your app again.",
    ),
    Explanation(
        "account_disabled",
        "invalid_grant",
        "The account is closed",
        "The account is disabled.",
        "The account that allowed your app was closed or locked.",
        "Nothing at your side is wrong. Stop renewing for this person.",
        # The state of a person's account is no business of the apps that the person uses.
        public="authorization_revoked",
    ),
    Explanation(
        "account_moving",
        "temporarily_unavailable",
        "This person is moving",
        "The person is moving to another data center. Ask again later.",
        "The operator is moving the person's account, and whether it stays or goes is not decided yet.",
        "Keep the refresh token and ask again after the seconds of Retry-After.",
    ),
    Explanation(
        "account_moved",
        "invalid_grant",
        "This person moved to another data center",
        "The person has moved to another data center. Send them through sign-in there.",
        "The operator moved the person's account. All tokens of this data center ended, and the person has "
        "a new number (sub) in the other one.",
        "Send the person through sign-in at the data center that the answer names as expected_issuer. If "
        "your app does not work there yet, switch it on in its settings.",
    ),
    Explanation(
        "consent_withdrawn",
        "invalid_grant",
        "The consent was withdrawn",
        "The person withdrew the consent.",
        "The person removed your app under connected apps.",
        "Ask the person to allow your app again.",
    ),
    Explanation(
        "device_code_unknown",
        "invalid_grant",
        "This device code is not known",
        "The device code is unknown.",
        "The code was cut off, was swept after it ran out, or was made for another app.",
        "Start again: ask for a new device code and show the new user code.",
    ),
    Explanation(
        "device_code_other_client",
        "invalid_grant",
        "This device code belongs to another app",
        "The device code was issued to another client.",
        "The code was made for one app, and another polled with it.",
        "Poll with the client ID that asked for the code.",
        public="device_code_unknown",
    ),
    Explanation(
        "device_code_already_used",
        "invalid_grant",
        "This device code was already used",
        "The device code was already used.",
        "A device code gives tokens once, and an earlier poll got them.",
        "Stop polling after the first success, and use the tokens that came with it.",
    ),
    Explanation(
        "device_code_expired",
        "expired_token",
        "The device code expired",
        "The device code expired before the person answered.",
        "The person did not enter the code in time.",
        "Stop polling. Ask for a new device code when the person wants to try again.",
    ),
    Explanation(
        "device_elsewhere",
        "access_denied",
        "The person lives in another data center",
        "The data of the person is in another data center. Start again there.",
        "Whoever entered the code said that their data is in another data center than the one that the "
        "device asked.",
        "Ask for a new device code at the data center that the answer names as expected_issuer. With vendor "
        "compatibility on, go on polling there with the same device code.",
    ),
    Explanation(
        "authorization_pending",
        "authorization_pending",
        "Not answered yet",
        "The person has not answered yet.",
        "This is no fault: the person is still looking for the page or reading it.",
        "Poll again after the interval that the first answer gave.",
    ),
    Explanation(
        "slow_down",
        "slow_down",
        "Polling too fast",
        "Polling too fast. Wait 5 seconds longer between polls from now on.",
        "Two polls came closer together than the interval allows.",
        "Add 5 seconds to your interval and keep it so for the rest of this code.",
    ),
    Explanation(
        "token_wrong_kind",
        "invalid_grant",
        "This is another kind of token",
        "The value sent is another kind of token than this request takes.",
        "Our secrets say what they are: glg_ grant token, glr_ refresh, gla_ access, gld_ device code. This "
        "one does not fit here.",
        "Check that you do not send the access token where the refresh token belongs.",
    ),
    Explanation(
        "token_wrong_data_center",
        "invalid_grant",
        "This token comes from another data center",
        "The token belongs to another data center. Send the request there.",
        "The token says where the person's data lives, and the request went to another place. Nothing was "
        "done: the token is as alive as before.",
        "Send the request to the data center that the answer names as expected_issuer. It is the one that "
        "came back with the code as iss and accounts-server.",
    ),
)
