//! What another command, or the command line itself, may ask of a profile and change in it.

use anyhow::{Result, bail};
use serde_json::json;

use super::people::{Effect, People};
use super::request::{Line, Reply, Request};
use super::words::in_words;
use crate::contacts::{ContactState, FindError, VerifiedBy, find, names};
use crate::identity::{PublicKey, SafetyNumber};

impl People {
    /// Answers at `now` (Unix seconds), with what the change asks of a running engine.
    pub fn answer(&mut self, request: &Request, now: u64) -> (Reply, Vec<Effect>) {
        match self.perform(request, now) {
            Ok((lines, effects)) => (Ok(lines), effects),
            Err(error) => (Err(in_words(&error)), Vec::new()),
        }
    }

    fn perform(&mut self, request: &Request, now: u64) -> Result<(Vec<Line>, Vec<Effect>)> {
        let effects = match request {
            Request::Id => return Ok((vec![self.id()], Vec::new())),
            Request::List => return Ok((self.list(), Vec::new())),
            Request::Invite { .. } => bail!("an invitation is made by the process that serves it"),
            Request::Message { .. } | Request::Messages { .. } | Request::IsDelivered { .. } => {
                bail!("messages are read by whoever has them open")
            }
            Request::Raise { .. } => bail!("another Vesper has this profile open without a window; end that one first"),
            Request::Accept { id } => self.accept(find(&self.pending, id)?.key, None, now)?,
            Request::Refuse { id } => self.refuse(find(&self.pending, id)?.key)?,
            Request::Rename { id, name } => self.rename(self.find(id)?, name)?,
            Request::Block { id } => self.block(self.find(id)?)?,
            Request::Unblock { id } => self.unblock(self.find(id)?)?,
            Request::Remove { id } => self.remove(self.find(id)?)?,
            Request::Verify { id, mark } => {
                let key = self.find(id)?;
                let effects = match mark {
                    Some(true) => self.verify(key, VerifiedBy::Number, now)?,
                    Some(false) => self.unverify(key)?,
                    None => Vec::new(),
                };
                return Ok((vec![self.number(key)], effects));
            }
        };
        Ok((Vec::new(), effects))
    }

    /// The contact that a person means by `text`.
    pub fn find(&self, text: &str) -> Result<PublicKey> {
        match find(&self.contacts, text) {
            Err(FindError::Nobody { .. }) if names::is_echo(text) => {
                bail!("Echo is built in; it can be called, and nothing else")
            }
            found => Ok(found?.key),
        }
    }

    fn id(&self) -> Line {
        let (key, version) = (self.identity.public().to_string(), env!("CARGO_PKG_VERSION"));
        let text = format!("{}\n{key}\nvesper {version}", self.name);
        Line::new(json!({"event": "id", "name": self.name, "key": key, "version": version}), text)
    }

    fn number(&self, key: PublicKey) -> Line {
        let number = SafetyNumber::between(&self.identity.public(), &key);
        let contact = self.contacts.iter().find(|contact| contact.key == key);
        let (name, verified) = contact.map_or(("", false), |contact| (contact.petname.as_str(), contact.verified.is_some()));
        let rows: Vec<String> = number.groups().chunks(4).map(|row| row.join(" ")).collect();
        let next = if verified {
            format!("{name} is verified.")
        } else {
            format!("If {name} sees the same number: vesper contacts verify {} --matches", &key.to_string()[..8])
        };
        let json = json!({
            "event": "safety_number", "contact": name, "key": key.to_string(), "number": number.digits(), "code": number.code(),
            "verified": verified,
        });
        Line::new(json, format!("{}\n{next}", rows.join("\n")))
    }

    fn list(&self) -> Vec<Line> {
        let contacts = self.contacts.iter().map(|contact| {
            let (key, blocked, verified) =
                (contact.key.to_string(), contact.state == ContactState::Blocked, contact.verified.is_some());
            let marks = [(verified, " (verified)"), (blocked, " (blocked)")];
            let marks: String = marks.iter().filter(|mark| mark.0).map(|mark| mark.1).collect();
            Line::new(
                json!({"contact": contact.petname, "key": key, "verified": verified, "blocked": blocked}),
                format!("{key}  {}{marks}", contact.petname),
            )
        });
        let requests = self.pending.iter().map(|pending| {
            let (key, name, warning) = (pending.key.to_string(), &pending.proposed_name, self.warning(pending));
            let careful = warning.as_ref().map(|warning| format!(" Careful: {warning}")).unwrap_or_default();
            Line::new(
                json!({"request": name, "key": key, "warning": warning}),
                format!("{key}  \"{name}\" asks to become a contact.{careful}"),
            )
        });
        contacts.chain(requests).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contacts::{Admission, Contact, Knock, OpenInvitation, PairSecret, Profile};
    use crate::identity::Identity;

    fn asked(people: &mut People, request: Request) -> (Reply, Vec<Effect>) {
        people.answer(&request, 2)
    }

    #[test]
    fn a_request_is_refused_by_its_name_and_hears_that_the_invitation_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut people = People::load(Profile::create(folder.path(), "Ana", None).unwrap()).unwrap();
        let open = OpenInvitation::new("Ana", vec![], "", true, 0, u64::from(u32::MAX));
        people.invited(&open).unwrap();
        let (knock_id, knocker) = (open.invitation.knock_id, Identity::generate().public());
        let knock = Knock { knock_id, knocker, name: "Bo".into(), hints: vec![], k1: [0; 32] };
        people.knocked(&knock, 1).unwrap();
        let (reply, _) = asked(&mut people, Request::Refuse { id: "nobody".into() });
        assert!(reply.is_err_and(|sentence| sentence.contains("there is no request")));
        let (reply, _) = asked(&mut people, Request::Refuse { id: "bo".into() });
        assert!(reply.is_ok() && people.pending.is_empty());
        assert_eq!(people.knocked(&knock, 3).unwrap().0, Admission::Gone);
    }

    #[test]
    fn only_somebody_blocked_is_unblocked_and_is_no_contact_then() {
        let folder = tempfile::tempdir().unwrap();
        let profile = Profile::create(folder.path(), "Ana", None).unwrap();
        let bo = Contact::new(Identity::generate().public(), Some("Bo"), "Bo", PairSecret::generate(), vec![], 0);
        profile.store().unwrap().put_contact(&bo).unwrap();
        let mut people = People::load(profile).unwrap();
        let unblock = || Request::Unblock { id: "Bo".into() };
        let (reply, _) = asked(&mut people, unblock());
        assert!(reply.is_err_and(|sentence| sentence.contains("not blocked")) && people.contacts.len() == 1);
        assert!(asked(&mut people, Request::Block { id: "Bo".into() }).0.is_ok());
        let (reply, effects) = asked(&mut people, unblock());
        assert!(reply.is_ok() && people.contacts.is_empty());
        assert!(matches!(effects[..], [Effect::Shut(key)] if key == bo.key));
    }

    #[test]
    fn echo_is_no_contact_that_could_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let people = People::load(Profile::create(folder.path(), "Ana", None).unwrap()).unwrap();
        assert!(people.find(" echo").is_err_and(|error| error.to_string().contains("built in")));
        assert!(people.find("nobody").is_err_and(|error| error.to_string().contains("there is no contact")));
    }
}
