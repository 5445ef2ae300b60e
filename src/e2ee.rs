//! TODO-map: e2ee.
