"""The runner of the conformance tests."""
