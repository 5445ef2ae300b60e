//! TODO-map: headless.
