"""An API's declaration as a file, YAML or JSON, read strictly and written plainly.

```yaml
identifier: https://billing.example.com
scope_prefix: Billing
name: Billing
token_format: jwt-es256
token_seconds: 600
scopes:
  Billing.invoices.READ: See your invoices
  Billing.invoices.ALL:
    sentence: See, add, edit and delete your invoices
    sensitivity: 5
```
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import yaml

from grantline.clients.api_scopes import ApiScope, usual_sensitivity
from grantline.clients.apis import ApiDeclaration, ApiRefused, check_declaration

LONGEST: Final = 64_000
_MOST_EVENTS: Final = 3_000
_DEEPEST: Final = 3
_TEXTS: Final = ("identifier", "scope_prefix", "name", "token_format", "origins_policy")
_KEYS: Final = (
    "identifier",
    "scope_prefix",
    "name",
    "token_format",
    "token_seconds",
    "origins_policy",
    "scopes",
)
_SCOPE_KEYS: Final = ("sentence", "sensitivity", "for_apps", "shows_person")
_SWITCHES: Final = {"true": True, "false": False}


def parse_api_manifest(text: str, base: ApiDeclaration | None = None) -> ApiDeclaration:
    """What the text declares; what it does not name is as in `base`. Raises ApiRefused, with the line where
    the text itself is wrong."""
    if len(text) > LONGEST:
        raise ApiRefused(f"The manifest is longer than {LONGEST:,} characters.")
    try:
        _check_plain(text)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except ApiRefused:
        raise
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as problem:
        mark = getattr(problem, "problem_mark", None)
        raise ApiRefused(f"This is no YAML: look at line {mark.line + 1 if mark else 1}.") from None
    if root is None:
        raise ApiRefused("The manifest is empty.")
    said = _mapping(root, "The manifest")
    for key, node in said.items():
        if key not in _KEYS:
            raise ApiRefused(
                f"Line {_line(node)}: there is no key {key[:60]!r}; it may be {', '.join(_KEYS)}."
            )
    given: dict[str, Any] = {key: _text(said[key], key) for key in _TEXTS if key in said}
    if "token_seconds" in said:
        given["token_seconds"] = _number(said["token_seconds"], "token_seconds")
    if "scopes" in said:
        given["scopes"] = _scopes(said["scopes"])
    return check_declaration(replace(base or ApiDeclaration("", "", ""), **given))


def _check_plain(text: str) -> None:
    """No alias, no tag, no depth, no heap of entries: nothing grows in memory."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ApiRefused(
                "Anchors and aliases (& and *) are not read. Write values out, in quotation marks."
            )
        if getattr(event, "tag", None):
            raise ApiRefused("Tags (!) are not read. Put the value in quotation marks.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST:
            raise ApiRefused("The manifest is nested too deep.")
        if count > _MOST_EVENTS:
            raise ApiRefused("The manifest has too many entries.")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _mapping(node: yaml.Node, what: str) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise ApiRefused(f"Line {_line(node)}: {what} must be lines of `key: value`.")
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ApiRefused(f"Line {_line(key)}: a key must be plain text.")
        if key.value in found:
            raise ApiRefused(f"Line {_line(key)}: {key.value[:60]!r} stands there twice.")
        found[key.value] = value
    return found


def _text(node: yaml.Node, key: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ApiRefused(f"Line {_line(node)}: {key} must be a text.", key)
    return str(node.value).strip()


def _number(node: yaml.Node, key: str) -> int:
    text = _text(node, key)
    if not (text.isascii() and text.isdecimal()) or len(text) > 6:
        raise ApiRefused(f"Line {_line(node)}: {key} must be a number.", key)
    return int(text)


def _switch(node: yaml.Node, key: str) -> bool:
    text = _text(node, key)
    if text not in _SWITCHES:
        raise ApiRefused(f"Line {_line(node)}: {key} must be true or false.", "scopes")
    return _SWITCHES[text]


def _scopes(node: yaml.Node) -> tuple[ApiScope, ...]:
    if isinstance(node, yaml.ScalarNode) and node.value in ("", "~", "null"):
        return ()
    return tuple(_scope(name, one) for name, one in _mapping(node, "scopes").items())


def _scope(name: str, node: yaml.Node) -> ApiScope:
    if isinstance(node, yaml.ScalarNode):
        return ApiScope(name, _text(node, name), usual_sensitivity(name))
    said = _mapping(node, name)
    for key, value in said.items():
        if key not in _SCOPE_KEYS:
            raise ApiRefused(
                f"Line {_line(value)}: a scope has no {key[:60]!r}; it may have {', '.join(_SCOPE_KEYS)}.",
                "scopes",
            )
    switches = {key: _switch(said[key], key) for key in ("for_apps", "shows_person") if key in said}
    sentence = _text(said["sentence"], "sentence") if "sentence" in said else ""
    level = _number(said["sensitivity"], "sensitivity") if "sensitivity" in said else usual_sensitivity(name)
    return ApiScope(name, sentence, level, **switches)


def render_api_manifest(said: ApiDeclaration) -> str:
    """The declaration as YAML, which `parse_api_manifest` reads back as the same."""
    lines = [
        f"identifier: {_quote(said.identifier)}",
        f"scope_prefix: {_quote(said.scope_prefix)}",
        f"name: {_quote(said.name)}",
        f"token_format: {said.token_format}",
        f"token_seconds: {said.token_seconds}",
        f"origins_policy: {said.origins_policy}",
        "scopes:" if said.scopes else "scopes: {}",
    ]
    for scope in said.scopes:
        extras = _extras(scope)
        if not extras:
            lines.append(f"  {_quote(scope.name)}: {_quote(scope.sentence)}")
            continue
        lines += [f"  {_quote(scope.name)}:", f"    sentence: {_quote(scope.sentence)}"]
        lines += [f"    {key}: {json.dumps(value)}" for key, value in extras.items()]
    return "\n".join(lines) + "\n"


def _extras(scope: ApiScope) -> Mapping[str, object]:
    """What is not as usual about a scope."""
    extras: dict[str, object] = {}
    if scope.sensitivity != usual_sensitivity(scope.name):
        extras["sensitivity"] = scope.sensitivity
    if not scope.for_apps:
        extras["for_apps"] = False
    if scope.shows_person:
        extras["shows_person"] = True
    return extras


def _quote(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(sign if sign.isprintable() else f"\\U{ord(sign):08x}" for sign in quoted)
