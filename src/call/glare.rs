//! Both call each other at once: one call comes of it.

use super::callee::Answering;
use super::caller::Dialing;
use super::event::Output;
use super::handshake::acceptable;
use super::recent::Admission;
use super::state::{CallState, Turn};
use crate::identity::PublicKey;
use crate::signal::message::{Invite, Message};

/// Rule 6 of protocol.md, section 6.3: whether the call of `a` survives the one of `b`. Both sides compute the same.
fn survives(a: PublicKey, b: PublicKey) -> bool {
    a.as_bytes() < b.as_bytes()
}

/// An INVITE came from the contact that we are dialling.
///
/// If theirs survives, our own ephemeral is wiped and theirs accepted with fresh secrets and the media that the person
/// chose when they dialled: calling each other is consent.
pub(super) fn crossed(mut dialing: Box<Dialing>, turn: &mut Turn<'_>, invite: Invite) -> CallState {
    let (me, peer) = (turn.memory.me.public(), dialing.peer);
    match turn.memory.recent.admit(turn.now, me, peer, &invite) {
        Admission::New if survives(me, peer) => {
            // They may not have ours yet. Theirs is dead, and its id used up.
            dialing.invite(turn);
            CallState::Dialing(dialing)
        }
        Admission::New if acceptable(&invite.core, dialing.lowest_suite) => {
            let superseded = dialing.call();
            let cancel = Message::Cancel { call: superseded, reason: 0 };
            turn.memory.recent.close(turn.now, superseded, peer, Some(cancel));
            let Dialing { media, spare, .. } = *dialing;
            turn.out.push(Output::Superseded { call: superseded, by: invite.core.call });
            Answering::start(turn, invite.core, media, spare)
        }
        _ => CallState::Dialing(dialing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Identity;

    #[test]
    fn exactly_one_of_two_calls_survives() {
        let (a, b) = (Identity::generate().public(), Identity::generate().public());
        assert_ne!(survives(a, b), survives(b, a));
    }
}
