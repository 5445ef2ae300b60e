//! TODO-map: signal.
