//! When a socket is read. While packets come it is read in every tick; one that has fallen silent is watched
//! by epoll instead, all of them together for one system call a slot: in many calls only one side speaks.
//! That of a bridge is watched throughout, and read in every slot in which something came.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::time::Timespec;

use crate::sockets::{Arena, PacketSocket};

/// Sockets that are told of in one slot; more wait for the next.
const WOKEN_MAX: usize = 256;
/// Each packet is told of once: from then on the socket is read.
const ONCE: EventFlags = EventFlags::IN.union(EventFlags::ONESHOT);

/// The sockets that nobody reads because nothing comes.
pub(crate) struct Watch {
    epoll: OwnedFd,
}

impl Watch {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC)? })
    }

    /// Hands on the name of each socket that has packets now.
    pub(crate) fn woken(&self, mut tell: impl FnMut(u64)) {
        let mut room = [const { MaybeUninit::uninit() }; WOKEN_MAX];
        if let Ok((events, _)) = epoll::wait(&self.epoll, &mut room, Some(&Timespec::default())) {
            for event in events.iter() {
                tell(event.data.u64());
            }
        }
    }

    /// Tells of the next packet, and of one that is there already. False when the kernel watches no more.
    fn add(&self, socket: impl AsFd, name: u64) -> bool {
        epoll::add(&self.epoll, socket, EventData::new_u64(name), ONCE).is_ok()
    }

    /// Tells in every slot as long as there are packets.
    fn follow(&self, socket: impl AsFd, name: u64) -> bool {
        epoll::modify(&self.epoll, socket, EventData::new_u64(name), EventFlags::IN).is_ok()
    }

    /// The same as at first for a socket that was told of.
    fn renew(&self, socket: impl AsFd, name: u64) -> bool {
        epoll::modify(&self.epoll, socket, EventData::new_u64(name), ONCE).is_ok()
    }
}

/// A socket of a session, and whether it is read or watched.
pub(crate) struct Line {
    pub(crate) socket: PacketSocket,
    /// What [`Watch`] calls it.
    name: u64,
    /// It counts as silent after so many ticks without a packet.
    patience_ticks: u32,
    silent_ticks: u32,
    is_watched: bool,
}

impl Line {
    /// Nothing has come yet, so it is watched from the start.
    pub(crate) fn new(socket: PacketSocket, name: u64, patience_ticks: u32, watch: &Watch) -> Self {
        let is_watched = watch.add(&socket, name);
        Self { socket, name, patience_ticks, silent_ticks: 0, is_watched }
    }

    /// It is part of a bridge from now on: [`Watch`] tells of it in every slot in which it can be read. Where the
    /// kernel does not do that, it is read in every tick as before.
    pub(crate) fn begin_relay(&mut self, watch: &Watch) {
        self.is_watched = watch.follow(&self.socket, self.name);
    }

    /// The bridge is gone.
    pub(crate) fn end_relay(&mut self, watch: &Watch) {
        self.silent_ticks = 0;
        self.is_watched = watch.renew(&self.socket, self.name);
    }

    /// Reads what came, for a bridge.
    pub(crate) fn receive_at_once(
        &mut self,
        arena: &mut Arena,
        deliver: impl FnMut(SocketAddr, Option<Duration>, &[u8]),
    ) -> usize {
        self.socket.receive(arena, deliver)
    }

    /// Whether it waits for [`Watch`] to tell of it.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// [`Watch`] has told of it.
    pub(crate) fn wake(&mut self) {
        self.is_watched = false;
        self.silent_ticks = 0;
    }

    /// Reads what came since the last tick. Says how many packets there were.
    pub(crate) fn receive(
        &mut self,
        watch: &Watch,
        arena: &mut Arena,
        deliver: impl FnMut(SocketAddr, Option<Duration>, &[u8]),
    ) -> usize {
        if self.is_watched {
            return 0;
        }
        let count = self.socket.receive(arena, deliver);
        self.silent_ticks = if count > 0 { 0 } else { self.silent_ticks.saturating_add(1) };
        if self.silent_ticks > self.patience_ticks {
            self.is_watched = watch.renew(&self.socket, self.name);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: u64 = 7;

    struct World {
        watch: Watch,
        line: Line,
        peer: PacketSocket,
        address: SocketAddr,
        arena: Arena,
    }

    impl World {
        fn new(patience_ticks: u32) -> Self {
            let bind = || PacketSocket::bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
            let (watch, socket) = (Watch::new().expect("epoll"), bind());
            let address = socket.local().expect("bound");
            let line = Line::new(socket, NAME, patience_ticks, &watch);
            Self { watch, line, peer: bind(), address, arena: Arena::new() }
        }

        fn sends(&self) {
            self.peer.send(self.address, &[1]).expect("loopback takes it");
        }

        /// A slot and a tick: what woke, and how many packets were read.
        fn tick(&mut self) -> (Vec<u64>, usize) {
            let mut woken = Vec::new();
            self.watch.woken(|name| woken.push(name));
            if !woken.is_empty() {
                self.line.wake();
            }
            (woken, self.line.receive(&self.watch, &mut self.arena, |_, _, _| ()))
        }
    }

    #[test]
    fn a_silent_socket_is_told_of_once_and_then_read_in_every_tick() {
        let mut world = World::new(1);
        assert_eq!(world.tick(), (vec![], 0));
        world.sends();
        assert_eq!(world.tick(), (vec![NAME], 1));
        world.sends();
        assert_eq!(world.tick(), (vec![], 1), "nobody needs to be told while it is read");
    }

    #[test]
    fn a_socket_that_falls_silent_is_watched_again() {
        let mut world = World::new(1);
        world.sends();
        assert_eq!(world.tick(), (vec![NAME], 1));
        assert_eq!([world.tick(), world.tick()], [(vec![], 0), (vec![], 0)]);
        assert!(world.line.is_watched, "after two ticks without a packet");
        world.sends();
        world.sends();
        assert_eq!(world.tick(), (vec![NAME], 2));
    }

    #[test]
    fn a_packet_that_came_before_the_socket_was_watched_is_told_of() {
        let mut world = World::new(0);
        world.line.wake();
        world.line.receive(&world.watch, &mut world.arena, |_, _, _| ());
        world.sends();
        world.line.is_watched = world.watch.renew(&world.line.socket, NAME);
        assert_eq!(world.tick(), (vec![NAME], 1));
    }
}
