//! Empty: the manifest is what counts, see there.
