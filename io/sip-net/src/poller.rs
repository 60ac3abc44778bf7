//! epoll, level-triggered: whatever was left over is told again.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use ringway_sip::endpoint::FlowId;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::time::Timespec;

/// Events taken with one system call.
const EVENTS: usize = 256;

/// What is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// Another thread wants our attention.
    Waker,
    /// The datagram socket of this index.
    Udp(usize),
    /// The stream listener of this index.
    Listener(usize),
    /// A connection.
    Flow(FlowId),
}

/// A token, and whether what it names can be written to, or has an error to tell.
pub(crate) struct Ready {
    pub(crate) token: Token,
    pub(crate) writable: bool,
}

/// What is to be told of a source; errors always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interest {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Interest {
    pub(crate) const READ: Self = Self { read: true, write: false };

    fn flags(self) -> EventFlags {
        let read = if self.read { EventFlags::IN } else { EventFlags::empty() };
        let write = if self.write { EventFlags::OUT } else { EventFlags::empty() };
        read | write
    }
}

/// The epoll instance.
pub(crate) struct Poller {
    fd: OwnedFd,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { fd: epoll::create(CreateFlags::CLOEXEC)? })
    }

    pub(crate) fn add(&self, source: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.fd, source, EventData::new_u64(token.encode()), interest.flags())?)
    }

    pub(crate) fn modify(&self, source: impl AsFd, token: Token, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.fd, source, EventData::new_u64(token.encode()), interest.flags())?)
    }

    pub(crate) fn remove(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.fd, source)?)
    }

    /// Waits for something to be ready, `timeout` (rounded up to a millisecond) at most, and appends it.
    pub(crate) fn wait(&self, timeout: Duration, ready: &mut Vec<Ready>) -> io::Result<()> {
        let milliseconds = timeout.as_nanos().div_ceil(1_000_000);
        let timeout = Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX).min(3_600_000));
        let timeout = Timespec::try_from(timeout).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut buffer = [const { MaybeUninit::uninit() }; EVENTS];
        let events = match epoll::wait(&self.fd, &mut buffer, Some(&timeout)) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        ready.extend(events.iter().map(|event| {
            let (data, flags) = (event.data, event.flags);
            let writable = flags.intersects(EventFlags::OUT | EventFlags::ERR | EventFlags::HUP);
            Ready { token: Token::decode(data.u64()), writable }
        }));
        Ok(())
    }
}

const KIND_SHIFT: u32 = 62;
const NUMBER: u64 = (1 << KIND_SHIFT) - 1;

impl Token {
    fn encode(self) -> u64 {
        let (kind, number) = match self {
            Token::Waker => (0, 0),
            Token::Udp(index) => (1, index as u64),
            Token::Listener(index) => (2, index as u64),
            Token::Flow(FlowId(id)) => (3, id),
        };
        (kind << KIND_SHIFT) | (number & NUMBER)
    }

    fn decode(data: u64) -> Self {
        let number = data & NUMBER;
        match data >> KIND_SHIFT {
            0 => Token::Waker,
            1 => Token::Udp(number as usize),
            2 => Token::Listener(number as usize),
            _ => Token::Flow(FlowId(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_kernel() {
        for token in [Token::Waker, Token::Udp(3), Token::Listener(0), Token::Flow(FlowId(1 << 40))] {
            assert_eq!(Token::decode(token.encode()), token);
        }
    }
}
