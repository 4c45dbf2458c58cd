# Shortcuts for contributors: `just` lists them. CONTRIBUTING.md explains each step.

# List the recipes
default:
	@just --list --unsorted

# Build the daemon and the examples
build:
	cargo build --workspace --locked --all-targets

# Serve examples/site with an example plugin
example NAME="targeted-reply" *ARGUMENTS:
	examples/run {{ NAME }} {{ ARGUMENTS }}

# Run the unit and integration tests whose name contains FILTER
test FILTER="":
	cargo test --package pagewire --locked {{ FILTER }}

# Run the tests in real browsers, or one FILE of tests/browser
browser FILE="":
	tests/install-browsers
	npm ci --prefix tests --no-fund --no-audit --loglevel=error
	cargo build --workspace --locked --all-targets
	cd tests && node --test "browser/{{ FILE }}"

# Format the code and run the linter
lint:
	cargo fmt --all
	cargo clippy --workspace --locked --all-targets -- -D warnings

# Regenerate docs/configuration.md from the settings table
docs:
	UPDATE_DOCS=1 cargo test --package pagewire --locked --lib the_documentation

# Regenerate the client libraries' code from proto/
generate:
	clients/generate

# Compare performance with other servers in under two minutes
bench:
	benches/run --quick

# Run everything that a change must pass
ci:
	.ci/run
