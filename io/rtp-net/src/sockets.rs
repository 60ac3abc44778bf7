//! The seam to the kernel: a datagram socket that is read a batch at a time. Sessions share no socket, so
//! there is one system call for what a session received since its last tick, and one for each packet out.
#![allow(unsafe_code)] // recvmmsg with ancillary data has no safe wrapper.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use libc::{c_int, iovec, mmsghdr, socklen_t};
use socket2::{Domain, Protocol, SockAddr, SockAddrStorage, Socket, Type};

/// Most packets of one socket in one tick: a talking peer sends one or two. A flood beyond it stays in the
/// kernel, whose buffer is kept small, and is lost there at no cost to the other sessions.
pub(crate) const BATCH: usize = 16;
/// About a hundred packets, two seconds of sound (the kernel doubles it and counts its own overhead).
const RECEIVE_BUFFER_BYTES: usize = 64 * 1024;
/// Larger than any packet that fits an Ethernet frame; what is larger is not ours.
const PACKET_BYTES: usize = 2048;
const CONTROL_BYTES: usize = 64;
/// Expedited forwarding (RFC 3246) in the upper six bits.
const TRAFFIC_CLASS: u32 = 46 << 2;

/// A bound socket of a session.
pub(crate) struct PacketSocket {
    socket: Socket,
}

impl PacketSocket {
    pub(crate) fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::DGRAM.nonblocking().cloexec(),
            Some(Protocol::UDP),
        )?;
        set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
        // A network that ignores the marking carries the packets all the same.
        let _ = if address.is_ipv4() {
            socket.set_tos_v4(TRAFFIC_CLASS)
        } else {
            socket.set_only_v6(true)?;
            socket.set_tclass_v6(TRAFFIC_CLASS)
        };
        socket.bind(&address.into())?;
        Ok(Self { socket })
    }

    #[cfg(test)]
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()?.as_socket()
    }

    /// Reads what came, [`BATCH`] packets at most, and hands on the sender, the wall-clock stamp and the
    /// content of each. Says how many there were.
    pub(crate) fn receive(
        &self,
        arena: &mut Arena,
        mut deliver: impl FnMut(SocketAddr, Option<Duration>, &[u8]),
    ) -> usize {
        // An error of an earlier send (a port unreachable) may surface here; it concerns no packet.
        let count = arena.read(&self.socket).unwrap_or(0);
        for index in 0..count {
            if let Some((from, bytes)) = arena.packet(index) {
                deliver(from, arena.stamp(index), bytes);
            }
        }
        count
    }

    /// Sends a packet, or says why the kernel would not take it.
    pub(crate) fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        self.socket.send_to_with_flags(bytes, &to.into(), libc::MSG_DONTWAIT).map(drop)
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The memory that packets are read into, shared by all sessions of the thread.
pub(crate) struct Arena {
    packets: Vec<[u8; PACKET_BYTES]>,
    names: Vec<SockAddrStorage>,
    controls: [Control; BATCH],
    headers: [mmsghdr; BATCH],
}

/// Ancillary data, aligned as the kernel wants it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

impl Arena {
    pub(crate) fn new() -> Self {
        Self {
            packets: vec![[0; PACKET_BYTES]; BATCH],
            names: (0..BATCH).map(|_| SockAddrStorage::zeroed()).collect(),
            controls: [Control([0; CONTROL_BYTES]); BATCH],
            // SAFETY: all fields of mmsghdr are integers and pointers, for which zero is a value.
            headers: unsafe { mem::zeroed() },
        }
    }

    fn read(&mut self, socket: &Socket) -> io::Result<usize> {
        let mut vectors: [iovec; BATCH] = [iovec { iov_base: ptr::null_mut(), iov_len: 0 }; BATCH];
        for (index, packet) in self.packets.iter_mut().enumerate() {
            vectors[index] = iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: PACKET_BYTES };
            let header = &mut self.headers[index].msg_hdr;
            header.msg_name = (&raw mut self.names[index]).cast();
            header.msg_namelen = self.names[index].size_of();
            header.msg_iov = &raw mut vectors[index];
            header.msg_iovlen = 1;
            header.msg_control = (&raw mut self.controls[index]).cast();
            header.msg_controllen = CONTROL_BYTES as _;
            header.msg_flags = 0;
        }
        // SAFETY: each header points to a name, a vector, its packet and a control block of this value or
        // this frame, with their true lengths, and nothing else refers to them during the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        usize::try_from(count).map_err(|_| io::Error::last_os_error())
    }

    /// The sender and content of a packet of the last batch; none when it was cut.
    fn packet(&self, index: usize) -> Option<(SocketAddr, &[u8])> {
        let header = self.headers.get(index)?;
        if header.msg_hdr.msg_flags & libc::MSG_TRUNC != 0 {
            return None;
        }
        // SAFETY: the kernel has written an address of this length into the storage, which was zeroed before
        // its first use.
        let name =
            unsafe { SockAddr::new(ptr::read(&raw const self.names[index]), header.msg_hdr.msg_namelen) };
        Some((name.as_socket()?, self.packets.get(index)?.get(..header.msg_len as usize)?))
    }

    /// When the kernel took the packet, by the wall clock.
    fn stamp(&self, index: usize) -> Option<Duration> {
        let header = &raw const self.headers[index].msg_hdr;
        // SAFETY: the kernel has filled the control block, a field of self that has not moved since `read`
        // set the pointer (self is borrowed by `PacketSocket::receive` throughout), and has set its length;
        // the CMSG macros stay inside it, and the payload of this type is a timespec.
        unsafe {
            let mut message = libc::CMSG_FIRSTHDR(header);
            while let Some(current) = message.as_ref() {
                if (current.cmsg_level, current.cmsg_type) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) {
                    let time = libc::CMSG_DATA(message).cast::<libc::timespec>().read_unaligned();
                    let seconds = u64::try_from(time.tv_sec).ok()?;
                    return Some(Duration::new(seconds, u32::try_from(time.tv_nsec).ok()?));
                }
                message = libc::CMSG_NXTHDR(header, message);
            }
        }
        None
    }
}

fn set_option(socket: &Socket, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
    // SAFETY: the option value is an int that lives through the call, and its length is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<c_int>() as socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_with_sender_and_stamp_and_a_flood_waits() {
        let loopback: SocketAddr = "127.0.0.1:0".parse().expect("an address");
        let receiver = PacketSocket::bind(loopback).expect("a port");
        let sender = PacketSocket::bind(loopback).expect("a port");
        let address = |socket: &PacketSocket| socket.local().expect("bound");
        for number in 0..=BATCH as u8 {
            sender.send(address(&receiver), &[number, 1, 2]).expect("loopback takes it");
        }
        let mut arena = Arena::new();
        let mut seen = Vec::new();
        let count = receiver.receive(&mut arena, |from, stamp, bytes| {
            assert_eq!(from, address(&sender));
            assert!(stamp.is_some());
            seen.push(bytes.to_vec());
        });
        assert_eq!(count, BATCH);
        assert_eq!(seen[3], [3, 1, 2]);
        assert_eq!(receiver.receive(&mut arena, |_, _, _| ()), 1);
        assert_eq!(receiver.receive(&mut arena, |_, _, _| ()), 0);
    }
}
