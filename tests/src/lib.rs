//! Harness of the conformance tests.
