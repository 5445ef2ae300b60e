//! TODO-map: contacts.
