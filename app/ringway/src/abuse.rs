//! Who is banned, and what is done with those.

use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use ipnet::IpNet;
use ringway_call::abuse::{AbuseConfig, SWEPT_USERS_MAX};
use ringway_sip::endpoint::Screening;

use crate::config::{parse_duration, parse_net};

/// What happens to requests of an address that is banned. Calls that are up go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Abusers {
    /// 403.
    Refuse,
    /// No answer; a connection is closed.
    Drop,
    /// No answer; a connection is kept and never read again.
    Tarpit,
    /// Nobody is ever banned.
    Serve,
}

/// What is tolerated of one address before it is banned.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Abuse")]
pub(crate) struct AbuseOptions {
    /// What happens to requests of banned addresses.
    #[arg(long, env = "RINGWAY_ABUSERS", value_enum, default_value = "drop")]
    pub(crate) abusers: Abusers,
    /// An address or range that is never banned; may be repeated.
    #[arg(
        long,
        env = "RINGWAY_NEVER_BAN",
        value_name = "CIDR",
        action = ArgAction::Append,
        value_delimiter = ',',
        value_parser = parse_net
    )]
    pub(crate) never_ban: Vec<IpNet>,
    /// In what time the following add up.
    #[arg(long, env = "RINGWAY_ABUSE_WINDOW", value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    pub(crate) abuse_window: Duration,
    /// Wrong passwords from one address; as many again for each user who was accepted there meanwhile.
    #[arg(long, env = "RINGWAY_WRONG_ANSWERS_MAX", value_name = "N", default_value_t = 10)]
    pub(crate) wrong_answers_max: u32,
    /// Wrong passwords for one user; beyond it, that user may only enter from where it was accepted before.
    #[arg(long, env = "RINGWAY_USER_WRONG_ANSWERS_MAX", value_name = "N", default_value_t = 30)]
    pub(crate) user_wrong_answers_max: u32,
    /// Different users refused to one address that had none accepted.
    #[arg(
        long,
        env = "RINGWAY_SWEPT_USERS_MAX",
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(..=i64::from(SWEPT_USERS_MAX))
    )]
    pub(crate) swept_users_max: u32,
    /// Messages from one address that cannot be read.
    #[arg(long, env = "RINGWAY_MALFORMED_MAX", value_name = "N", default_value_t = 200)]
    pub(crate) malformed_max: u32,
    /// How long the first ban of an address lasts; each further one within a day lasts twice as long.
    #[arg(long, env = "RINGWAY_BAN_TIME", value_name = "TIME", default_value = "5m", value_parser = parse_duration)]
    pub(crate) ban_time: Duration,
    /// The longest ban.
    #[arg(long, env = "RINGWAY_BAN_TIME_MAX", value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    pub(crate) ban_time_max: Duration,
    /// Bans at once; one more ends the one that would end first.
    #[arg(long, env = "RINGWAY_BANS_MAX", value_name = "N", default_value_t = 16_384)]
    pub(crate) bans_max: usize,
    /// Addresses and users that are remembered; the least recently seen are forgotten first.
    #[arg(long, env = "RINGWAY_ABUSE_REMEMBERED_MAX", value_name = "N", default_value_t = 262_144)]
    pub(crate) abuse_remembered_max: usize,
}

impl AbuseOptions {
    /// What is tolerated.
    pub(crate) fn config(&self) -> AbuseConfig {
        AbuseConfig {
            enabled: self.abusers != Abusers::Serve,
            window: self.abuse_window,
            wrong_answers_max: self.wrong_answers_max,
            user_wrong_answers_max: self.user_wrong_answers_max,
            swept_users_max: self.swept_users_max,
            malformed_max: self.malformed_max,
            ban: self.ban_time,
            ban_max: self.ban_time_max,
            remembered_max: self.abuse_remembered_max,
            bans_max: self.bans_max,
            never: self.never_ban.clone(),
        }
    }

    /// What is done with those who are banned.
    pub(crate) fn banned(&self) -> Screening {
        match self.abusers {
            Abusers::Refuse => Screening::Refuse,
            Abusers::Drop => Screening::Drop,
            Abusers::Tarpit => Screening::Tarpit,
            Abusers::Serve => Screening::Welcome,
        }
    }
}
