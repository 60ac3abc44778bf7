#!/bin/sh
# The official command line client manages domains, lists and users: cli.sh TWILIO, with its credentials in the
# variables that it reads.
set -eu
twilio=$1
ask() { "$twilio" "$@" -o json; }
# field NAME: of the first object.
field() { sed -n "s/^ *\"$1\": \"\\(.*\\)\",*\$/\\1/p" | head -1; }
same() { [ "$1" = "$2" ] || { echo "expected $2, got $1"; exit 1; }; }

domain=$(ask api:core:sip:domains:create --domain-name cli.sip.twilio.com --voice-url https://example.com/ --secure |
    field sid)
same "$(ask api:core:sip:domains:fetch --sid "$domain" | field domainName)" cli.sip.twilio.com
same "$(ask api:core:sip:domains:update --sid "$domain" --friendly-name Renamed | field friendlyName)" Renamed
for name in one two three; do
    users=$(ask api:core:sip:credential-lists:create --friendly-name "$name" | field sid)
done
same "$(ask api:core:sip:credential-lists:list --limit 2 --page-size 1 | grep -c '"sid"')" 2
ask api:core:sip:credential-lists:credentials:create --credential-list-sid "$users" --username alice \
    --password Correct1Horse | field username | grep -qx alice
trunk=$(ask api:voice:v1:byoc-trunks:create --friendly-name Trunk | field sid)
same "$(ask api:voice:v1:byoc-trunks:list | field sid)" "$trunk"
if told=$(ask api:core:sip:domains:create --domain-name cli.sip.twilio.com 2>&1); then
    echo "a second domain of that name: $told" && exit 1
fi
case $told in *21232*) ;; *) echo "no 21232: $told" && exit 1 ;; esac
"$twilio" api:core:sip:domains:remove --sid "$domain" >&2
same "$(ask api:core:sip:domains:list | grep -c '"sid"')" 0
echo done
