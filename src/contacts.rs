//! Whom I know: contacts, the invitations that make them, their names, and the profile folder that keeps it all.
//!
//! A contact *is* a public key. What we call it is a petname, chosen here; what it calls itself is only a proposal, shown in
//! quotes and compared with the names there are ([`names`]). Two people become contacts by an [`Invitation`] that one of them
//! hands to the other by a way they trust, and a knock that proves it was received.

mod admission;
mod backup;
mod contact;
mod find;
mod hint;
mod invitation;
pub mod names;
mod open_invitation;
mod profile;
mod request;
mod store;

pub use admission::{Admission, Knock, MAX_PENDING, MAX_PENDING_PER_INVITATION};
pub use backup::{Backup, BackupError};
pub use contact::{Candidates, Contact, ContactState, PairSecret, Verified, VerifiedBy};
pub use find::{FindError, Named, find};
pub use hint::{Hint, MAX_HINTS, decode_hints, encode_hints};
pub use invitation::{Invitation, InvitationError};
pub use open_invitation::{MAX_OPEN_INVITATIONS, OpenInvitation};
pub use profile::{Profile, ProfileError, Unlocking};
pub use request::{PendingRequest, SentKnock};
pub use store::{Changes, Row, Store, StoreError};
pub(crate) use store::{Keys as StoreKeys, failed as store_failure};
