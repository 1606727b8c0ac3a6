# The two commands are ./run and ./test; this gives the same, and the longer ones.
.PHONY: run test check bench bench-growth soak lock specs translations fmt audit

run:
	./run

test:
	./test

check: ## format, lint, strict types, import contracts, tests
	.ci/run

soak: ## the long forms of the tests
	TEST_LENGTH=long ./test -m soak --timeout 3600

bench: ## what a request costs, here and on other servers, into bench/results.md
	sh requirements/setup dev
	sh bench/peers/install
	.venv/bin/python -m bench

bench-growth: ## the same requests with up to five million authorizations; takes long
	sh requirements/setup dev
	.venv/bin/python -m bench --growth

fmt:
	sh requirements/setup dev
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

translations: ## bring the catalogues of the pages' languages up to date
	sh requirements/setup dev
	.venv/bin/python -m tests.translations

specs: ## rewrite docs/specs.md from the tests' names
	sh requirements/setup dev
	.venv/bin/python -m tests.specs_index

COMPILE = .tools/bin/uv pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11

lock: ## pin what pyproject.toml allows today, with hashes
	sh requirements/setup dev
	$(COMPILE) pyproject.toml --extra server --extra postgres -o requirements/run.lock
	$(COMPILE) pyproject.toml --extra server --extra postgres --group dev -o requirements/dev.lock
	$(COMPILE) requirements/uv.in -o requirements/uv.lock
