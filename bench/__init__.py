"""The bench: what one request costs, in CPU microseconds of all server processes.

`make bench`, or `python -m bench --quick` to look. `seed` fills a fresh SQLite database through the product's
own functions and `copying` gives PostgreSQL the same rows; `serving` runs `grantline serve` on one core,
`load` drives it with wrk from another, `measure` reads the CPU time. `peers` are other servers in the same
run. `latency`, `sign_in`, `starting`, `scaling` and `growth` ask the other questions; `session` holds them
together, `store` keeps the figures and `report` writes `results.md`. A bench reports; it never fails because
something is slow.
"""
