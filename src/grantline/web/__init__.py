"""The edge: the only place that knows Starlette, Jinja2 and cookies.

`routes` lists every address for programs, `app` every page; `edge` is the one ASGI application in front of
both. `endpoints/` are for
programs, `pages/` for people, `console/` for developers; `errors` turns refusals into answers, `vendor_wire`
speaks the vendor's wire
to clients whose switch is on. The rules live below, in the packages that this one imports.
"""
