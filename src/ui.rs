//! TODO-map: ui.
