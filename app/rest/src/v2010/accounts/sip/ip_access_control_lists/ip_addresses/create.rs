//! `POST /2010-04-01/Accounts/{AC}/SIP/IpAccessControlLists/{AL}/IpAddresses`

use ringway_model::sid::IpAccessControlListSid;
use ringway_store::{CreateIpAddressError, NewIpAddress};

use super::{FRIENDLY_NAME_MAX, SHAPE, address_taken, describe, friendly_name_taken, invalid_prefix};
use crate::error::{Code, Fault};
use crate::form::Form;
use crate::reply::Reply;
use crate::request::Request;
use crate::rules;

pub(super) async fn create<C>(request: &Request<C>, list: IpAccessControlListSid) -> Result<Reply, Fault> {
    let account = request.account.sid;
    request.store().ip_access_control_list(&account, &list)?.ok_or_else(Fault::not_found)?;
    let created = request.store().create_ip_address(read(request, list, &request.form)?).await;
    let address = created.map_err(explain)?.ok_or_else(Fault::not_found)?;
    Ok(Reply::Created(&SHAPE, describe(&address, &request.place)))
}

fn read<C>(request: &Request<C>, list: IpAccessControlListSid, form: &Form) -> Result<NewIpAddress, Fault> {
    let ipv6 = request.app.ipv6_lists;
    let prefix = rules::listed_prefix_length(form, ipv6)?;
    let friendly_name = rules::required_friendly_name(form, FRIENDLY_NAME_MAX, Code::AddressValidation)?;
    let missing = || Fault::because(Code::AddressValidation, "IpAddress is required");
    let ip_address = rules::listed_address(form, ipv6)?.ok_or_else(missing)?;
    Ok(NewIpAddress {
        account_sid: request.account.sid,
        ip_access_control_list_sid: list,
        friendly_name: friendly_name.to_owned(),
        ip_address,
        cidr_prefix_length: prefix.unwrap_or(if ip_address.is_ipv4() { 32 } else { 128 }),
    })
}

fn explain(error: CreateIpAddressError) -> Fault {
    match error {
        CreateIpAddressError::LimitReached { limit } => {
            Fault::because(Code::MaximumAddresses, format!("a list may have {limit} addresses"))
        }
        CreateIpAddressError::FriendlyNameTaken => friendly_name_taken(),
        CreateIpAddressError::AddressTaken => address_taken(),
        CreateIpAddressError::InvalidPrefix => invalid_prefix(),
        CreateIpAddressError::Store(error) => error.into(),
    }
}
