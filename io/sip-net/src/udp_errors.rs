//! The error queue of a datagram socket: what the network returned (ICMP), with the head of what was sent.
#![allow(unsafe_code)] // the error queue is read with recvmsg, which has no safe wrapper for it.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

use bytes::Bytes;
use libc::{c_int, cmsghdr, iovec, msghdr, sock_extended_err};
use socket2::{SockAddr, SockAddrStorage};

/// As much of a returned datagram as is looked at: its first lines.
const QUOTED_BYTES: usize = 2048;
/// Room for the error and the address that reported it.
const CONTROL_BYTES: usize = 512;
/// Errors taken at once; the rest is told again.
const ERRORS_PER_TURN: usize = 64;

/// A datagram of ours that did not arrive.
pub(crate) struct Returned {
    /// Where it was sent.
    pub(crate) remote: SocketAddr,
    /// Its first bytes, as many as whoever reported it sent back.
    pub(crate) datagram: Bytes,
}

/// What the network has returned since this was last asked, as far as it says that nobody is there.
pub(crate) fn returned(socket: BorrowedFd<'_>) -> Vec<Returned> {
    let mut all = Vec::new();
    for _ in 0..ERRORS_PER_TURN {
        match next(socket) {
            Ok(Some(returned)) => all.push(returned),
            Ok(None) => {}
            Err(_) => break,
        }
    }
    all
}

/// Whether an error of a socket call may be that of an earlier datagram, whose report came meanwhile.
pub(crate) fn is_unreachable(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(is_unreachable_code)
}

fn is_unreachable_code(code: c_int) -> bool {
    let codes = [
        libc::ECONNREFUSED,
        libc::EHOSTUNREACH,
        libc::ENETUNREACH,
        libc::ENOPROTOOPT,
        libc::EHOSTDOWN,
        libc::ENONET,
        libc::EACCES,
    ];
    codes.contains(&code)
}

/// The next of the queue; `Ok(None)` for one that says something else, an error when there is none.
fn next(socket: BorrowedFd<'_>) -> io::Result<Option<Returned>> {
    let mut quoted = [0u8; QUOTED_BYTES];
    let mut name = SockAddrStorage::zeroed();
    let mut control = Control([0; CONTROL_BYTES]);
    let mut vector = iovec { iov_base: quoted.as_mut_ptr().cast(), iov_len: quoted.len() };
    // SAFETY: all fields of msghdr are integers and pointers, for which zero is a value.
    let mut header: msghdr = unsafe { mem::zeroed() };
    header.msg_name = (&raw mut name).cast();
    header.msg_namelen = name.size_of();
    header.msg_iov = &raw mut vector;
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    header.msg_controllen = CONTROL_BYTES as _;
    // SAFETY: the header points to a name, a vector, its buffer and a control block of this frame, with their
    // true lengths, and nothing else refers to them during the call.
    let length = unsafe {
        libc::recvmsg(socket.as_raw_fd(), &raw mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)
    };
    let length = usize::try_from(length).map_err(|_| io::Error::last_os_error())?;
    if !says_unreachable(&header) {
        return Ok(None);
    }
    // SAFETY: the kernel has written an address of this length into the storage.
    let name = unsafe { SockAddr::new(name, header.msg_namelen) };
    let datagram = Bytes::copy_from_slice(quoted.get(..length).unwrap_or_default());
    Ok(name.as_socket().map(|remote| Returned { remote, datagram }))
}

/// Ancillary data, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; CONTROL_BYTES]);

fn says_unreachable(header: &msghdr) -> bool {
    // SAFETY: the kernel has filled the control block and set its length in the header; the CMSG macros stay
    // inside that length.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while let Some(current) = message.as_ref() {
            if is_error(current) {
                let error = libc::CMSG_DATA(message).cast::<sock_extended_err>().read_unaligned();
                let by_network =
                    [libc::SO_EE_ORIGIN_ICMP, libc::SO_EE_ORIGIN_ICMP6].contains(&error.ee_origin);
                return by_network && is_unreachable_code(error.ee_errno as c_int);
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    false
}

fn is_error(message: &cmsghdr) -> bool {
    matches!(
        (message.cmsg_level, message.cmsg_type),
        (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
    )
}
