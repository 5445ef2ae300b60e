//! The sentences of a profile: its first start, its lock and passphrase, its backup, its end.

// The first start.
pub const WELCOME: &str = "Welcome to Vesper";
pub const WELCOME_SUB: &str =
    "Private calls, straight from you to them. No account, no phone number: your identity is a key that stays on this device.";
pub const YOUR_NAME: &str = "Your name";
pub const YOUR_NAME_HINT: &str = "What your contacts see first";
pub const START: &str = "Start Vesper";
pub const CREATE: &str = "Create my identity";
pub const PASSPHRASE_NONE: &str =
    "Without a passphrase, whoever uses or steals this computer can read everything here and call your contacts as you.";
pub const CREATE_OPEN: &str = "Create without a passphrase";
pub const HAVE_BACKUP: &str = "I already have a backup";
pub const NO_BACKUP: &str = "Make a new identity instead";

// The lock.
pub const LOCKED: &str = "Welcome back";
pub const LOCKED_SUB: &str = "Your profile is sealed. Its passphrase opens it; nobody can reset it for you.";
pub const PASSPHRASE: &str = "Passphrase";
pub const PASSPHRASE_WRONG: &str =
    "That is not the passphrase of this profile. Check capital letters and the keyboard's language, then try again.";
pub const SHOW_PASSPHRASE: &str = "Show the passphrase";
pub const HIDE_PASSPHRASE: &str = "Hide the passphrase";
pub const UNLOCK: &str = "Unlock";
pub const PASSPHRASE_KEEP: &str = "Nobody can reset it for you. Write it down somewhere safe.";
pub const FORGOTTEN: &str = "I forgot it";
pub const FORGOTTEN_SUB: &str = "Nobody can open this profile without its passphrase. You can remove it from this computer and start again, from a backup if you have one.";
pub const LOCKED_CALL: &str = "Somebody you know is calling. Unlock to see who it is, and to answer.";
pub const LOCKED_IN_CALL: &str = "Your call continues.";
pub const PASSPHRASE_SET_SUB: &str = "It seals everything in this profile on this computer's disk.";
pub const CURRENT_PASSPHRASE: &str = "Current passphrase";
pub const SET_PASSPHRASE: &str = "Set passphrase";
pub const CHANGE_PASSPHRASE: &str = "Change passphrase";
pub const REMOVE_PASSPHRASE: &str = "Remove passphrase";
pub const REMOVE_PASSPHRASE_SURE: &str = "Remove it anyway";
pub const LOCK: &str = "Lock";
pub const LOCK_NOW: &str = "Lock now";
pub const LOCK_SUB: &str =
    "Locking covers the window and wipes keys and names from memory. Calls still ring, without a name, and a call continues.";
pub const LOCK_NEEDS_PASSPHRASE: &str = "To lock Vesper, set a passphrase first.";
pub const LOCK_AFTER: &str = "Lock by itself when nobody uses the window for";
pub const LOCK_AFTERS: [(&str, Option<u32>); 4] = [("Never", None), ("5 min", Some(5)), ("15 min", Some(15)), ("1 h", Some(60))];

// The backup.
pub const RESTORE_TITLE: &str = "Restore your identity";
pub const RESTORE_SUB: &str = "The backup brings back your key and your contacts. Use an identity on one computer at a time.";
pub const BACKUP_FILE: &str = "Backup file";
pub const BACKUP_FILE_HINT: &str = "/home/you/vesper.backup";
pub const BACKUP_PASSPHRASE: &str = "Passphrase of the backup";
pub const NEW_PASSPHRASE: &str = "New passphrase";
pub const RESTORE: &str = "Restore";
pub const RESTORE_OPEN: &str = "Restore without a passphrase";
pub const BACKUP: &str = "Backup";
pub const BACKUP_SUB: &str = "One file with your key and your contacts, under a passphrase of its own. Without it a broken disk is the end of this identity.";
pub const EXPORT: &str = "Write backup";

// The key, and the end of everything.
pub const YOUR_KEY: &str = "Your public key";
pub const YOUR_KEY_SUB: &str = "This is who you are to your contacts. It is no secret; the secret half stays on this computer.";
pub const COPY_KEY: &str = "Copy key";
pub const WIPE: &str = "Remove everything";
pub const WIPE_SUB: &str =
    "Removes your key, your contacts and everything else in this profile from this computer, at once and for good.";
pub const WIPE_TITLE: &str = "Remove everything in this profile?";
pub const WIPE_SURE: &str = "Your contacts can no longer reach you, and nobody can undo this. A backup brings back your key and contacts; nothing else does.";
