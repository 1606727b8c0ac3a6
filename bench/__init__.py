"""The bench: what one request costs, in CPU microseconds of all server processes.

`make bench`, or `python -m bench --quick` to look. `seed` fills a fresh database through the product's own
functions, `serving` runs `grantline serve` on one core and reads its CPU time, `load` drives it with wrk from
another, `report` writes `results.md`. A bench reports; it never fails because something is slow.
"""
