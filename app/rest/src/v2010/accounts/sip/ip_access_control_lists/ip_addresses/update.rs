//! `POST /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses/{IP}`

use std::net::IpAddr;

use ringway_engine::calls::CallControl;
use ringway_model::sid::{IpAccessControlListSid, IpAddressSid};
use ringway_store::{IpAddress, IpAddressUpdate, UpdateIpAddressError};

use super::fetch::find;
use super::{address_taken, admit, friendly_name, friendly_name_taken, invalid_prefix};
use crate::error::Fault;
use crate::parameters::{Sent, parameters};
use crate::reply::Found;
use crate::request::Request;
use crate::rules;

parameters! {
    pub(super) struct Changes {
        /// How many bits of the address count.
        cidr_prefix_length: Option<u8> = "CidrPrefixLength", rules::listed_prefix_length();
        /// A text that describes the address; no two of a list have the same.
        friendly_name: Option<String> = "FriendlyName", friendly_name();
        /// The address; IPv6 only where the operator lets it in.
        ip_address: Option<IpAddr> = "IpAddress", rules::listed_address();
    }
}

pub(super) async fn update<C: CallControl>(
    request: Request<C>,
    list: IpAccessControlListSid,
    sid: IpAddressSid,
    sent: Sent<Changes>,
) -> Result<Found<IpAddress>, Fault> {
    find(&request, &list, &sid)?;
    let Changes { cidr_prefix_length, friendly_name, ip_address } = sent.read()?;
    let ip_address = ip_address.map(|address| admit(address, request.app.ipv6_lists)).transpose()?;
    let update = IpAddressUpdate { friendly_name, ip_address, cidr_prefix_length };
    let updated = request.store().update_ip_address(request.account.sid, list, sid, update).await;
    Ok(Found(updated.map_err(explain)?.ok_or_else(Fault::not_found)?))
}

fn explain(error: UpdateIpAddressError) -> Fault {
    match error {
        UpdateIpAddressError::FriendlyNameTaken => friendly_name_taken(),
        UpdateIpAddressError::AddressTaken => address_taken(),
        UpdateIpAddressError::InvalidPrefix => invalid_prefix(),
        UpdateIpAddressError::Store(error) => error.into(),
    }
}
