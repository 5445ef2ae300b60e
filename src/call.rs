//! TODO-map: call.
