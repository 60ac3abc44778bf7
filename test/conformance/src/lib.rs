//! The binary against software that nobody here wrote. The tests are in `tests/`, one file a peer; what they
//! share is in `ringway-testkit`.
