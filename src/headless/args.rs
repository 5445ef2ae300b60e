//! The command line, as a person types it.

mod values;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::engine::options::{CameraChoice, MicrophoneChoice, SpeakerChoice};
pub use values::is_link;
use values::{
    parse_check_seconds, parse_duration, parse_ice_server, parse_link, parse_names, parse_relay, parse_seconds, parse_size,
};

/// Private video calls, straight from you to them. Without a command, the window opens.
#[derive(Debug, Parser)]
#[command(name = "vesper", version, about)]
pub struct Cli {
    /// Which profile: a name, or a folder.
    #[arg(long, global = true, default_value = "default", value_name = "NAME|DIR")]
    pub profile: String,
    /// What to call a profile that is made now; otherwise the login name, or what is written in the window.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// What draws the window.
    #[arg(long, value_enum)]
    pub renderer: Option<Renderer>,
    /// One JSON object a line instead of text for people, of a command.
    #[arg(long, global = true)]
    pub json: bool,
    /// An invitation to open the window with: it fills in the form, and nothing is sent by itself.
    #[arg(value_name = "vesper:LINK", value_parser = parse_link)]
    pub link: Option<String>,
    /// For the window; every command has its own.
    #[command(flatten)]
    pub media: MediaArgs,
    #[command(flatten)]
    pub network: CallNetworkArgs,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What may stand before a command and means something to it.
const BEFORE_A_COMMAND: [&str; 3] = ["profile", "name", "json"];

impl Cli {
    /// Reads the command line of this process. A wrong one ends it with 2 and a sentence.
    pub fn read() -> Self {
        Self::try_read(std::env::args_os()).unwrap_or_else(|error| error.exit())
    }

    fn try_read(words: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(words)?;
        // To take no notice of one would open the camera that `--camera none` meant to keep closed.
        match misplaced(&command, &matches) {
            Some(sentence) => Err(command.error(ErrorKind::ArgumentConflict, sentence)),
            None => Self::from_arg_matches(&matches),
        }
    }
}

/// What is wrong with options that mean nothing where they stand, if there are any: those of the window before a command, and what
/// only a command prints without one.
fn misplaced(command: &clap::Command, matches: &ArgMatches) -> Option<String> {
    let given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    let Some(name) = matches.subcommand_name() else {
        return given("json").then(|| "the window prints nothing; --json is for a command: vesper COMMAND --json".into());
    };
    let misplaced = command.get_arguments().find(|argument| {
        let id = argument.get_id().as_str();
        !BEFORE_A_COMMAND.contains(&id) && matches.try_contains_id(id).is_ok() && given(id)
    })?;
    Some(match misplaced.get_long() {
        Some(long) => format!("before a command, --{long} is for the window; write: vesper {name} --{long} …"),
        None => "a link opens the window; leave out the command, or the link".into(),
    })
}

/// What can draw the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Renderer {
    Glow,
    Wgpu,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Call the built-in contact Echo through the real network stack and report what arrived.
    Check {
        /// How long to talk.
        #[arg(long, default_value = "10", value_name = "N", value_parser = parse_check_seconds)]
        seconds: Duration,
        #[command(flatten)]
        media: MediaArgs,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Print this profile's name, public key and the version.
    Id,
    /// Print an invitation; the next `answer` or window serves it until it expires.
    Invite {
        /// How long it is valid: 30m, 24h, 7d.
        #[arg(long, default_value = "24h", value_name = "TIME", value_parser = parse_duration)]
        expires: Duration,
        /// Stay until it was used, and accept that request.
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        network: NetworkArgs,
    },
    /// Send a contact request to whoever made an invitation, and wait until it is accepted.
    Add {
        /// What they sent you; it begins with vesper:.
        invitation: String,
        /// What you will call them; otherwise what they call themselves.
        #[arg(long = "name", id = "petname", value_name = "NAME")]
        petname: Option<String>,
        /// Use the relay that the invitation names, even if it is not one of yours: it sees this computer's address.
        #[arg(long)]
        use_their_relay: bool,
        /// How many seconds to wait.
        #[arg(long, default_value = "60", value_name = "N", value_parser = parse_seconds)]
        timeout: Duration,
        #[command(flatten)]
        network: NetworkArgs,
    },
    /// List and change contacts and requests.
    Contacts {
        #[command(subcommand)]
        action: Option<ContactsAction>,
    },
    /// Stay online and print what happens; commands come on standard input.
    Answer {
        /// Accept calls of contacts (all, or those named), never requests. Such a contact learns this address.
        #[arg(long, num_args = 0..=1, require_equals = true, value_name = "CONTACT,…", value_parser = parse_names)]
        auto: Option<Option<Names>>,
        /// End after one call.
        #[arg(long)]
        once: bool,
        #[command(flatten)]
        talk: TalkArgs,
    },
    /// Call a contact.
    Call {
        /// Petname, a unique start of a key, or Echo.
        contact: String,
        /// Without a camera.
        #[arg(long)]
        audio_only: bool,
        #[command(flatten)]
        talk: TalkArgs,
    },
    /// Write to a contact. It waits until both of you are online together.
    Message {
        /// Petname or a unique start of a key.
        contact: String,
        /// What to write, at most 32 KiB.
        text: String,
        /// Stay until it is delivered.
        #[arg(long)]
        wait: bool,
        /// How many seconds to wait.
        #[arg(long, default_value = "60", value_name = "N", value_parser = parse_seconds)]
        timeout: Duration,
        #[command(flatten)]
        network: NetworkArgs,
    },
    /// Print what was written with a contact, and the calls between.
    Messages {
        /// Petname or a unique start of a key.
        contact: String,
        /// Only the last so many.
        #[arg(long, value_name = "N")]
        last: Option<usize>,
    },
    /// List cameras, microphones and speakers.
    Devices,
    /// Write a backup of the key and the contacts to a new file, under a passphrase of its own.
    ///
    /// The passphrase comes from VESPER_BACKUP_PASSPHRASE, or is a line on standard input.
    Export {
        /// A file that is not there yet.
        file: PathBuf,
    },
    /// Make a profile from a backup, where there is none. VESPER_PASSPHRASE seals it.
    ///
    /// The backup's passphrase comes from VESPER_BACKUP_PASSPHRASE, or is a line on standard input.
    Import {
        /// What `vesper export` wrote.
        file: PathBuf,
    },
    /// Remove everything of a profile from this computer.
    Wipe {
        /// Really.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Clone, Subcommand)]
pub enum ContactsAction {
    /// List contacts and waiting requests.
    List,
    /// Accept a waiting request.
    Accept {
        /// The name in the request, or a unique start of its key.
        id: String,
    },
    /// Refuse a waiting request. They are told only that the invitation is no longer valid.
    Refuse {
        /// The name in the request, or a unique start of its key.
        id: String,
    },
    /// Change what you call a contact.
    Rename {
        /// Petname or a unique start of a key.
        id: String,
        /// The new petname.
        name: String,
    },
    /// Block a contact: their computer gets no answer any more.
    Block {
        /// Petname or a unique start of a key.
        id: String,
    },
    /// Unblock somebody. This removes them from your contacts and deletes your conversation.
    Unblock {
        /// Petname or a unique start of a key.
        id: String,
    },
    /// Remove a contact, and what was written with them.
    Remove {
        /// Petname or a unique start of a key.
        id: String,
    },
    /// Print the safety number that you and a contact share, to compare it with theirs.
    Verify {
        /// Petname or a unique start of a key.
        id: String,
        /// They see the same number: mark them as verified.
        #[arg(long)]
        matches: bool,
        /// Remove the verification.
        #[arg(long, conflicts_with = "matches")]
        undo: bool,
    },
}

/// Everything about a call with somebody.
#[derive(Debug, Clone, Args)]
pub struct TalkArgs {
    /// Hang up so many seconds after the call connected.
    #[arg(long, value_name = "N", value_parser = parse_seconds)]
    pub seconds: Option<Duration>,
    #[command(flatten)]
    pub media: MediaArgs,
    #[command(flatten)]
    pub call: CallArgs,
    #[command(flatten)]
    pub network: CallNetworkArgs,
}

/// Where picture and sound come from and go to.
#[derive(Debug, Clone, Args)]
pub struct MediaArgs {
    /// none, test, file:PATH.y4m, or a camera's name.
    #[arg(long)]
    pub camera: Option<CameraChoice>,
    /// none, tone, file:PATH.wav, or a microphone's name.
    #[arg(long)]
    pub mic: Option<MicrophoneChoice>,
    /// none, file:PATH.wav, or a speaker's name.
    #[arg(long)]
    pub speaker: Option<SpeakerChoice>,
    /// Size of the picture that is sent.
    #[arg(long, default_value = "1280x720", value_parser = parse_size)]
    pub size: (usize, usize),
    /// Pictures a second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub fps: u32,
    /// Write every shown picture to this Y4M file.
    #[arg(long, value_name = "PATH.y4m")]
    pub record_video: Option<PathBuf>,
    /// Write what is played to this WAV file.
    #[arg(long, value_name = "PATH.wav")]
    pub record_audio: Option<PathBuf>,
}

/// How a call goes.
#[derive(Debug, Clone, Args)]
pub struct CallArgs {
    /// Write one JSON object a second to this file.
    #[arg(long, value_name = "PATH.jsonl")]
    pub stats: Option<PathBuf>,
    /// Write one line a captured and a shown picture to this file.
    #[arg(long, value_name = "PATH.csv")]
    pub trace: Option<PathBuf>,
    /// Most kilobits a second to send, everything together. Below about 30, only sound is sent.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(16..=100_000))]
    pub max_kbps: Option<u32>,
    /// Mute the microphone after so many seconds of the call.
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    pub mute_at: Option<Duration>,
    /// Switch the camera off after so many seconds of the call.
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    pub camera_off_at: Option<Duration>,
}

/// Which way a call goes.
#[derive(Debug, Clone, Args)]
pub struct CallNetworkArgs {
    #[command(flatten)]
    pub network: NetworkArgs,
    /// A STUN or TURN server for the call; may be given several times.
    #[arg(long = "ice-server", value_name = "URL", value_parser = parse_ice_server)]
    pub ice_servers: Vec<String>,
}

/// Which way packets go.
#[derive(Debug, Clone, Args)]
pub struct NetworkArgs {
    /// A relay to be reachable through.
    #[arg(long, value_name = "URL", value_parser = parse_relay)]
    pub relay: Option<String>,
    /// Find contacts on the local network, and be found there. It tells that network this profile's key.
    #[arg(long)]
    pub lan: bool,
    /// What of this computer's address a contact may learn.
    #[arg(long, value_enum)]
    pub policy: Option<Policy>,
    /// The only local address to use.
    #[arg(long, value_name = "IP")]
    pub bind: Option<IpAddr>,
}

/// The contacts that `--auto` names; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(pub Vec<String>);

/// What of this computer's address a contact may learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Policy {
    Direct,
    Hide,
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_read(line.split(' '))
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn auto_takes_nobody_or_names_but_never_the_next_word() {
        let auto = |line: &str| match read(line).unwrap().command {
            Some(Command::Answer { auto, .. }) => auto,
            _ => unreachable!(),
        };
        assert_eq!(auto("vesper answer"), None);
        assert_eq!(auto("vesper answer --auto --once"), Some(None));
        assert_eq!(auto("vesper answer --auto=ann,bob"), Some(Some(Names(vec!["ann".into(), "bob".into()]))));
        for wrong in ["vesper answer --auto=", "vesper answer --auto=ann,", "vesper answer --auto ann"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_option_before_a_command_counts_or_is_refused() {
        let cli = read("vesper --name Ann --profile p --json check").unwrap();
        assert_eq!((cli.name.as_deref(), cli.profile.as_str(), cli.json), (Some("Ann"), "p", true));
        for option in ["--camera none", "--size 64x64", "--lan", "--ice-server stun:a", "--renderer glow", "vesper:abc"] {
            assert!(read(&format!("vesper {option}")).is_ok(), "{option}");
            assert_eq!(read(&format!("vesper {option} answer")).unwrap_err().exit_code(), 2, "{option}");
        }
    }

    #[test]
    fn a_window_prints_no_json() {
        for line in ["vesper --json", "vesper --json vesper:abc", "vesper --camera none --json"] {
            let refused = read(line).unwrap_err();
            assert_eq!(refused.exit_code(), 2, "{line}");
            assert!(refused.to_string().contains("vesper COMMAND --json"), "{refused}");
        }
        assert!(read("vesper --name Ann").is_ok_and(|cli| cli.name.as_deref() == Some("Ann")));
    }

    #[test]
    fn a_link_opens_the_window_and_is_no_command() {
        let parse =
            |words: &[&str]| Cli::try_parse_from(["vesper"].iter().chain(words)).map(|cli| (cli.link, cli.command.is_some()));
        assert!(matches!(parse(&["vesper:abc"]), Ok((Some(link), false)) if link == "vesper:abc"));
        assert!(matches!(parse(&["id"]), Ok((None, true))));
        for wrong in ["https://example.org", "vespers", "vesper:a\u{1b}[2J", "vesper:a b"] {
            assert!(parse(&[wrong]).is_err(), "{wrong}");
        }
        assert!(parse(&[&format!("vesper:{}", "a".repeat(4096))]).is_err());
    }
}
