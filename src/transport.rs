//! TODO-map: transport.
